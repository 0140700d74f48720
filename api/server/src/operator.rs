//! Making the operator of an installation, from the command line of the machine it runs on.

use roundtable_entity::{Record, account};
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::store::Store;
use roundtable_kernel::token::hash_password;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

/// Makes an account that operates the installation.
pub async fn make(store: &Store, email: &str, name: &str, password: String) -> Result<account::Model> {
    if password.chars().count() < 12 {
        return Err(Error::member("/password", "too_short", "a password has at least 12 characters"));
    }
    if !email.contains('@') {
        return Err(Error::member("/email", "wrong_form", "give an e-mail address"));
    }
    let hash = hash_password(password).await?;
    let (email, name) = (email.trim().to_owned(), name.to_owned());
    let key = email.to_lowercase();
    store
        .write(true, move |tx| {
            let (hash, email, name, key) = (hash.clone(), email.clone(), name.clone(), key.clone());
            async move {
                let now = chrono::Utc::now();
                let known = account::Entity::find().filter(account::Column::EmailKey.eq(&key)).one(&*tx).await?;
                if known.is_some() {
                    return Err(Error::new(Code::AlreadyExists, "there is an account with this address already"));
                }
                let new = account::NewAccount { email, name };
                let mut active = account::Model::begin(uuid::Uuid::now_v7(), now, new);
                active.email_key = ActiveValue::Set(key);
                active.operator = ActiveValue::Set(true);
                active.password_hash = ActiveValue::Set(hash);
                Ok(active.insert(&*tx).await?)
            }
        })
        .await
}
