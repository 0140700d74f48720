//! Signatures of Standard Webhooks, and the secrets they are made with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use roundtable_kernel::error::{Error, Result};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// A new secret: 256 random bits.
pub fn new_secret() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(error.to_string()))?;
    Ok(format!("{PREFIX}{}", BASE64.encode(bytes)))
}

/// The header `webhook-signature`: one signature for each secret, separated by blanks.
pub fn sign(secrets: &[&str], message_id: &str, seconds: i64, body: &str) -> Result<String> {
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let key = BASE64.decode(secret.trim_start_matches(PREFIX)).map_err(Error::internal)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(Error::internal)?;
        mac.update(format!("{message_id}.{seconds}.{body}").as_bytes());
        signatures.push(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())));
    }
    Ok(signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_specification_does() {
        // The example of the reference implementations.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = "{\"test\": 2432232314}";
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let two = sign(&[secret, &new_secret().unwrap()], "msg_1", 1, "{}").unwrap();
        assert_eq!(two.split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
    }
}
