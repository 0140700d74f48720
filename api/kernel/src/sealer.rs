//! Seals places in the order of events. A number that grows would tell how much happens that the reader may not know
//! of; a sealed one tells nothing, and looks new each time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use roundtable_entity::sealing_key;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, EntityTrait};

use crate::error::{Code, Error, Result};
use crate::store::Store;

const NAME: &str = "cursor";
const NONCE: usize = 24;

/// Seals and opens.
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// With the key all replicas share, made by the first that asks.
    pub async fn load(store: &Store) -> Result<Self> {
        if let Some(key) = sealing_key::Entity::find_by_id(NAME).one(store.read()).await? {
            return Self::of(&key.secret);
        }
        let secret = BASE64.encode(random::<32>()?);
        let kept = store
            .write(true, move |tx| {
                let row = sealing_key::ActiveModel {
                    name: ActiveValue::Set(NAME.into()),
                    secret: ActiveValue::Set(secret.clone()),
                    created_at: ActiveValue::Set(chrono::Utc::now()),
                };
                async move {
                    let first = OnConflict::column(sealing_key::Column::Name).do_nothing().to_owned();
                    sealing_key::Entity::insert(row).on_conflict(first).exec_without_returning(&*tx).await?;
                    Ok(sealing_key::Entity::find_by_id(NAME).one(&*tx).await?)
                }
            })
            .await?;
        Self::of(&kept.ok_or_else(|| Error::internal("the key that seals cursors could not be kept"))?.secret)
    }

    fn of(secret: &str) -> Result<Self> {
        let bytes = BASE64.decode(secret).map_err(Error::internal)?;
        let key = Key::try_from(bytes.as_slice()).map_err(|_| Error::internal("the key of cursors is too short"))?;
        Ok(Self(XChaCha20Poly1305::new(&key)))
    }

    /// A cursor for this position.
    pub fn seal(&self, position: i64) -> Result<String> {
        let nonce = random::<NONCE>()?;
        let sealed = self.0.encrypt(&XNonce::from(nonce), position.to_be_bytes().as_slice());
        let sealed = sealed.map_err(|_| Error::internal("a cursor could not be sealed"))?;
        Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The position a cursor stands for.
    pub fn open(&self, cursor: &str) -> Result<i64> {
        self.opened(cursor).ok_or_else(|| {
            let mut error = Error::from(Code::InvalidCursor);
            error.problems.push(crate::error::Problem {
                pointer: "/after".into(),
                code: "invalid_cursor",
                detail: "start again without after; a cursor is taken from an answer as it is".into(),
            });
            error
        })
    }

    fn opened(&self, cursor: &str) -> Option<i64> {
        let bytes = BASE64.decode(cursor).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let open = self.0.decrypt(&XNonce::try_from(nonce).ok()?, sealed).ok()?;
        Some(i64::from_be_bytes(open.try_into().ok()?))
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(error.to_string()))?;
    Ok(bytes)
}
