//! Access tokens (RFC 9068, EdDSA), secrets and password hashes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm as Argon2Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::Utc;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use roundtable_entity::{Timestamp, signing_key};
use sea_orm::{ActiveModelTrait, ActiveValue, EntityTrait, QueryOrder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::store::Store;

/// What an access token says. Who may do what is never among it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    /// Issuer: the public address of this server.
    pub iss: String,
    /// Audience: the same.
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The client: `roundtable` for people, the client id for systems.
    pub client_id: String,
    /// When it was made, seconds since 1970.
    pub iat: i64,
    /// When it expires.
    pub exp: i64,
    /// Id of the token.
    pub jti: Uuid,
    /// The session it belongs to; absent for systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// The partnership the session acts at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partnership: Option<Uuid>,
    /// Scopes, separated by blanks, when the token is narrower than its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl Claims {
    /// When the token was made, to the millisecond: its id says so.
    pub fn made_at(&self) -> Option<Timestamp> {
        let (seconds, nanos) = self.jti.get_timestamp()?.to_unix();
        chrono::DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    }
}

struct Key {
    kid: String,
    public_x: String,
    decoding: DecodingKey,
    /// Only the newest key signs.
    encoding: Option<EncodingKey>,
}

/// The client that people's sessions belong to.
pub const OWN_CLIENT: &str = "roundtable";
/// Longest access token that is looked at; ours are a fifth of it.
const LONGEST: usize = 4096;

type Verified = HashMap<[u8; 32], Arc<Claims>>;

/// The keys in force.
pub struct Keys {
    issuer: String,
    keys: RwLock<Vec<Key>>,
    verified: RwLock<Verified>,
    looked: Mutex<Option<Instant>>,
}

/// SHA-256, base64url without padding: the form in which secrets are kept.
pub fn fingerprint(text: &str) -> String {
    BASE64.encode(Sha256::digest(text.as_bytes()))
}

/// A secret of 256 random bits, base64url, behind a prefix that says what it is.
pub fn new_secret(prefix: &str) -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(error.to_string()))?;
    Ok(format!("{prefix}_{}", BASE64.encode(bytes)))
}

fn hashed(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Keys {
    /// Loads the keys, making the first when there is none.
    pub async fn load(store: &Store, issuer: &str) -> Result<Self> {
        let keys = Self {
            issuer: issuer.into(),
            keys: RwLock::default(),
            verified: RwLock::default(),
            looked: Mutex::default(),
        };
        if signing_key::Entity::find().one(store.read()).await?.is_none() {
            make(store).await?;
        }
        keys.refresh(store).await?;
        Ok(keys)
    }

    /// Reads the keys again, for example after another replica rotated them.
    pub async fn refresh(&self, store: &Store) -> Result<()> {
        let rows = signing_key::Entity::find().order_by_desc(signing_key::Column::CreatedAt).all(store.read()).await?;
        let mut keys = Vec::new();
        for row in rows {
            let encoding = match row.retired_at {
                None => Some(EncodingKey::from_ed_pem(row.private_pem.as_bytes()).map_err(Error::internal)?),
                Some(_) => None,
            };
            let decoding = DecodingKey::from_ed_components(&row.public_x).map_err(Error::internal)?;
            keys.push(Key { kid: row.kid, public_x: row.public_x, decoding, encoding });
        }
        let mut held = self.keys.write().map_err(|_| Error::internal("the keys are poisoned"))?;
        *held = keys;
        if let Ok(mut verified) = self.verified.write() {
            verified.clear();
        }
        Ok(())
    }

    /// The public keys as a JWK set (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.keys.read().map(|keys| {
            keys.iter()
                .map(|key| {
                    serde_json::json!({
                        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.kid, "x": key.public_x,
                    })
                })
                .collect::<Vec<_>>()
        });
        serde_json::json!({ "keys": keys.unwrap_or_default() })
    }

    /// Signs an access token for this account.
    pub fn sign(
        &self,
        account: Uuid,
        client: &str,
        partnership: Option<Uuid>,
        scope: Option<String>,
        seconds: i64,
    ) -> Result<String> {
        self.signed(&Claims { partnership, scope, ..self.claims(account, client, seconds) })
    }

    /// Signs an access token of this session.
    pub fn sign_for_session(
        &self,
        session: Uuid,
        account: Uuid,
        partnership: Option<Uuid>,
        seconds: i64,
    ) -> Result<String> {
        self.signed(&Claims { sid: Some(session), partnership, ..self.claims(account, OWN_CLIENT, seconds) })
    }

    fn claims(&self, account: Uuid, client: &str, seconds: i64) -> Claims {
        let now = Utc::now().timestamp();
        Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: account,
            client_id: client.into(),
            iat: now,
            exp: now + seconds,
            jti: Uuid::now_v7(),
            sid: None,
            partnership: None,
            scope: None,
        }
    }

    fn signed(&self, claims: &Claims) -> Result<String> {
        let keys = self.keys.read().map_err(|_| Error::internal("the keys are poisoned"))?;
        let (key, encoding) = keys
            .iter()
            .find_map(|key| key.encoding.as_ref().map(|encoding| (key, encoding)))
            .ok_or_else(|| Error::internal("no key signs"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".into());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, encoding).map_err(Error::internal)
    }

    /// Whether the token names a key that is not known here and may have been made by another replica. True at most once
    /// in five seconds.
    fn may_be_newer(&self, token: &str) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return false;
        };
        let Ok(keys) = self.keys.read() else { return false };
        if keys.iter().any(|key| Some(&key.kid) == header.kid.as_ref()) {
            return false;
        }
        let Ok(mut looked) = self.looked.lock() else {
            return false;
        };
        let due = looked.is_none_or(|at| at.elapsed() >= Duration::from_secs(5));
        if due {
            *looked = Some(Instant::now());
        }
        due
    }

    /// What the token says, if it is one of ours and still good.
    pub fn verify(&self, token: &str) -> Result<Arc<Claims>> {
        if token.len() > LONGEST {
            return Err(refused());
        }
        let hash = hashed(token);
        if let Some(claims) = self.held(&hash) {
            return Ok(claims);
        }
        let claims = Arc::new(self.check(token)?);
        if let Ok(mut verified) = self.verified.write() {
            if verified.len() >= 20_000 {
                verified.clear();
            }
            verified.insert(hash, claims.clone());
        }
        Ok(claims)
    }

    /// The same, also where another replica made the key it is signed with.
    pub async fn recognize(&self, store: &Store, token: &str) -> Result<Arc<Claims>> {
        if let Some(claims) = self.held(&hashed(token)) {
            return Ok(claims);
        }
        if self.may_be_newer(token) {
            self.refresh(store).await?;
        }
        self.verify(token)
    }

    /// What a token says that was looked at before and still holds.
    fn held(&self, hash: &[u8; 32]) -> Option<Arc<Claims>> {
        let verified = self.verified.read().ok()?;
        verified.get(hash).filter(|claims| claims.exp > Utc::now().timestamp()).cloned()
    }

    fn check(&self, token: &str) -> Result<Claims> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") || header.crit.is_some() {
            return Err(refused());
        }
        let keys = self.keys.read().map_err(|_| Error::internal("the keys are poisoned"))?;
        let key = keys.iter().find(|key| Some(&key.kid) == header.kid.as_ref()).ok_or_else(refused)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
            .map(|token| token.claims)
            .map_err(|_| refused())
    }
}

fn refused() -> Error {
    Code::Unauthenticated.into()
}

/// Makes a new key that signs from now on. Older ones verify for a day more, longer than any token they signed lasts.
pub async fn rotate(store: &Store) -> Result<()> {
    let before = Utc::now() - chrono::TimeDelta::days(1);
    store
        .write(true, move |tx| async move {
            let keys = signing_key::Entity::find().order_by_desc(signing_key::Column::CreatedAt).all(&*tx).await?;
            // A key is out of use when the one after it has signed for a day.
            let successors = keys.iter().zip(keys.iter().skip(1));
            for (_, key) in successors.filter(|(after, _)| after.created_at < before) {
                signing_key::Entity::delete_by_id(key.kid.clone()).exec(&*tx).await?;
            }
            Ok(())
        })
        .await?;
    make(store).await
}

async fn make(store: &Store) -> Result<()> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Error::internal(error.to_string()))?;
    let key = SigningKey::from_bytes(&seed);
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| Error::internal(error.to_string()))?.to_string();
    let public = BASE64.encode(key.verifying_key().as_bytes());
    store
        .write(true, move |tx| {
            let (pem, public) = (pem.clone(), public.clone());
            async move {
                let row = signing_key::ActiveModel {
                    kid: ActiveValue::Set(Uuid::now_v7().to_string()),
                    private_pem: ActiveValue::Set(pem),
                    public_x: ActiveValue::Set(public),
                    created_at: ActiveValue::Set(Utc::now()),
                    retired_at: ActiveValue::Set(None),
                };
                row.insert(&*tx).await?;
                Ok(())
            }
        })
        .await
}

fn hasher() -> Result<Argon2<'static>> {
    // 19 MiB, two passes, one lane: the first recommendation of the OWASP password storage cheat sheet.
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Argon2Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with argon2id, on a thread that may block.
pub async fn hash_password(password: String) -> Result<String> {
    in_turn(&HASHING, move || {
        let hash = hasher()?.hash_password(password.as_bytes()).map_err(|error| Error::internal(error.to_string()))?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether the password goes with the hash, on a thread that may block. An empty hash takes as long and never matches.
pub async fn password_matches(password: String, hash: String) -> Result<bool> {
    in_turn(&HASHING, move || {
        if hash.is_empty() {
            let _ = hasher()?.hash_password(password.as_bytes());
            return Ok(false);
        }
        let parsed = PasswordHash::new(&hash).map_err(|error| Error::internal(error.to_string()))?;
        Ok(hasher()?.verify_password(password.as_bytes(), &parsed).is_ok())
    })
    .await
}

/// Hashes made at the same time. Each takes 19 MiB, so a storm of sign-ins from many addresses waits and does not take all
/// the memory there is.
static HASHING: Semaphore = Semaphore::const_new(16);

async fn in_turn<T: Send + 'static>(
    turns: &'static Semaphore,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let turn = turns.acquire().await.map_err(Error::internal)?;
    // It is kept until the work ends, which it does after whoever asked has gone.
    let kept = move || {
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(kept).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_turn_is_kept_until_its_work_ends_though_nobody_waits_for_it()
    -> std::result::Result<(), Box<dyn std::error::Error>> {
        static ONE: Semaphore = Semaphore::const_new(1);
        let ((begun, has_begun), (end, ended)) = (oneshot::channel(), std::sync::mpsc::channel::<()>());
        let asked = tokio::spawn(in_turn(&ONE, move || {
            begun.send(()).map_err(|()| Error::internal("nobody waits"))?;
            ended.recv().map_err(Error::internal)
        }));
        has_begun.await?;
        asked.abort();
        assert!(asked.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(ONE.available_permits(), 0);
        end.send(())?;
        in_turn(&ONE, || Ok(())).await.map_err(|error| error.detail.into())
    }
}
