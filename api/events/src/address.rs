//! Where webhooks may be sent: the open internet, and what the operator allows. A request to the inside of a network
//! would be made with the server's reach, not with that of whoever named the address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Name, Resolve, Resolving};
use roundtable_kernel::error::{Error, Result};

/// Whether requests may go to this address.
pub fn is_open(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = address.to_canonical();
    is_allowed(address, allowed)
        || match address {
            IpAddr::V4(address) => is_open_v4(address),
            IpAddr::V6(address) => is_open_v6(address),
        }
}

/// Whether the operator allows this address by name of its network.
pub fn is_allowed(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = address.to_canonical();
    allowed.iter().any(|network| network.contains(&address))
}

fn is_open_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let closed = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            // Shared by providers behind one address.
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            // Assigned by IETF protocols, documentation, 6to4 relays, private, benchmarks.
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            // Multicast, reserved, broadcast.
            | (224..=255, ..)
    );
    !closed
}

fn is_open_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // All that is routed lies in 2000::/3. The rest is loopback, local, multicast, or another address in disguise.
    let global = (0x2000..=0x3fff).contains(&a);
    // Teredo and other protocols of the IETF, documentation, 6to4.
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    global && !special
}

/// Checks an address as far as its text tells: form, scheme, and a host that is a number.
pub fn check(text: &str, allowed: &[IpNet]) -> Result<Url> {
    let wrong = |code, detail: &str| Err(Error::member("/url", code, detail));
    let Ok(url) = Url::parse(text) else {
        return wrong("wrong_form", "give an address such as https://example.org/events");
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return wrong("wrong_form", "leave out user name, password and fragment; the requests are signed");
    }
    if url.domain().is_some_and(|name| name.trim_end_matches('.').split('.').any(str::is_empty)) {
        return wrong("wrong_form", "the name of the host has an empty part");
    }
    match url.scheme() {
        "https" => {}
        "http" if !allowed.is_empty() => {}
        _ => return wrong("not_secure", "give an https:// address"),
    }
    if number(&url).is_some_and(|address| !is_reachable(&url, address, allowed)) {
        return wrong("closed_network", "the address lies in a network that webhooks do not reach");
    }
    Ok(url)
}

/// Whether requests to this URL may go to this address: plain HTTP only into networks the operator allows.
pub fn is_reachable(url: &Url, address: IpAddr, allowed: &[IpNet]) -> bool {
    if url.scheme() == "https" { is_open(address, allowed) } else { is_allowed(address, allowed) }
}

/// The address, where the host is one and no name is looked up.
pub fn number(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Looks names up and gives out only addresses that requests may go to. The connection is made to what was checked, so a
/// name that means something else a moment later gains nothing.
pub struct Guarded {
    /// Networks the operator allows.
    pub allowed: Vec<IpNet>,
    /// Whether for plain HTTP.
    pub plain: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, plain) = (self.allowed.clone(), self.plain);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let open = |address: &SocketAddr| {
                if plain { is_allowed(address.ip(), &allowed) } else { is_open(address.ip(), &allowed) }
            };
            if found.is_empty() || !found.iter().all(open) {
                return Err("the name leads into a network that webhooks do not reach".into());
            }
            let found: Box<dyn Iterator<Item = SocketAddr> + Send> = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where, by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_open() {
        let closed = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff05::2",
            "5f00::1",
        ];
        for text in closed {
            assert!(!is_open(text.parse().unwrap(), &[]), "{text}");
        }
        for text in
            ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.63.255.255", "192.0.1.1", "2606:4700::1111", "2a00:1450::1"]
        {
            assert!(is_open(text.parse().unwrap(), &[]), "{text}");
        }
        let allowed = ["127.0.0.0/8".parse().unwrap()];
        assert!(is_open("127.0.0.1".parse().unwrap(), &allowed));
        assert!(is_open("::ffff:127.0.0.1".parse().unwrap(), &allowed));
        assert!(!is_open("10.0.0.1".parse().unwrap(), &allowed));
    }

    #[test]
    fn no_spelling_of_a_number_gets_by() {
        let refused = [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0x7f.1/",
            "https://127.0.0.1./",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::127.0.0.1]/",
            "https://①②⑦.0.0.1/",
            "https://%31%32%37.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00:ec2::254]/",
            "https://0/",
            "https://[::]/",
            "https://10.0.0.1:8443/",
            "https://192.168.0.1/",
            "http://example.org/",
            "http://8.8.8.8/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/",
            "https://user:pass@example.org/",
            "https://user@example.org/",
            "https://example.org/#x",
            "https://",
            "//example.org/",
            "example.org",
            "",
        ];
        for text in refused {
            assert!(check(text, &[]).is_err(), "{text}");
        }
        assert!(check("https://example.org/events?from=roundtable", &[]).is_ok());
        let allowed = ["127.0.0.0/8".parse().unwrap()];
        assert!(check("http://127.0.0.1:9000/", &allowed).is_ok());
        assert!(check("http://8.8.8.8/", &allowed).is_err(), "plain HTTP only where it is allowed");
        assert!(check("https://10.0.0.1/", &allowed).is_err());
    }
}
