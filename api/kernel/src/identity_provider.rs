//! Identity providers of the configuration.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A secret of the configuration, which is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

/// A provider of OpenID Connect that people may sign in at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider {
    /// Name clients call it by: small letters, digits and dashes.
    pub name: String,
    /// What people call it.
    pub label: Option<String>,
    /// Its issuer, to the letter.
    pub issuer: String,
    /// Name of this server there.
    pub client_id: String,
    /// Secret of this server there; without it PKCE alone protects the code.
    pub client_secret: Option<Secret>,
    /// What to ask for.
    #[serde(default = "openid")]
    pub scopes: Vec<String>,
    /// Addresses, to the letter, that it may send browsers back to, beside this server's own page.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Client ids of service accounts whose word counts for who is who there: the external id of a login they provision is
    /// its subject.
    #[serde(default)]
    pub provisioned_by: Vec<String>,
}

fn openid() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

impl IdentityProvider {
    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        let name = &self.name;
        let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        if name.is_empty()
            || name.len() > 40
            || !name.bytes().all(plain)
            || matches!(&**name, "password" | "invitation")
        {
            return Some(format!(
                "`{name}` does not name an identity provider; take up to 40 small letters, digits and dashes"
            ));
        }
        if !is_safe(&self.issuer) {
            return Some(format!("the issuer of {name} begins with https:// (http:// on this machine alone)"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Some(format!("the scopes of {name} include openid"));
        }
        let wrong = self.redirect_uris.iter().find(|uri| !is_safe(uri) || uri.contains('#'));
        wrong.map(|uri| format!("{uri}, to come back from {name}, is an https:// address without a fragment"))
    }
}

/// Whether nobody on the way can read what is sent there: by TLS, or because it never leaves the machine.
fn is_safe(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    url.starts_with("https://")
        || local
            .iter()
            .any(|local| url.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])))
}

/// Reads a list of providers, from a table of the file or from JSON in the environment.
pub fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IdentityProvider>, D::Error> {
    struct List;
    impl<'de> de::Visitor<'de> for List {
        type Value = Vec<IdentityProvider>;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a list of identity providers, or the same as JSON")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            serde_json::from_str(text).map_err(|error| E::custom(format!("identity_providers is not JSON: {error}")))
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(List)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::*;

    fn provider(issuer: &str) -> IdentityProvider {
        serde_json::from_value(serde_json::json!({ "name": "state", "issuer": issuer, "client_id": "roundtable" }))
            .unwrap()
    }

    #[test]
    fn an_issuer_is_reached_by_tls_or_not_over_a_network_at_all() {
        for right in ["https://id.example.gov", "http://127.0.0.1:4000", "http://localhost/realm", "http://[::1]:80"] {
            assert_eq!(provider(right).fault(), None, "{right}");
        }
        for wrong in ["http://id.example.gov", "http://localhost.example.gov", "http://127.0.0.1.example.gov", ""] {
            assert!(provider(wrong).fault().is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let mut provider = provider("https://id.example.gov");
        provider.client_secret = Some(Secret("hush".into()));
        assert!(!format!("{provider:?}").contains("hush"));
    }
}
