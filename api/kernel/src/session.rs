//! What a GraphQL request carries through its execution: the caller's view, relations read in batches, and what they may still
//! bring in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::node::Node;
use crate::relation::Budget;

/// What a relation brought.
#[derive(Clone)]
pub(crate) enum Loaded {
    One(Node),
    Many(Vec<Node>),
}

/// Reads relations in batches, one statement each.
pub struct Related {
    ctx: Ctx,
}

impl Loader<(usize, Uuid)> for Related {
    type Value = LoadedValue;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[(usize, Uuid)]) -> Result<HashMap<(usize, Uuid), LoadedValue>, Arc<Error>> {
        let mut asked: BTreeMap<usize, Vec<Uuid>> = BTreeMap::new();
        for (relation, id) in keys {
            asked.entry(*relation).or_default().push(*id);
        }
        let mut loaded = HashMap::with_capacity(keys.len());
        for (index, ids) in asked {
            let Some(relation) = self.ctx.app.operations.relations.get(index) else {
                continue;
            };
            let found = relation.fetch(self.ctx.clone(), ids).await.map_err(Arc::new)?;
            for (id, rows) in found {
                let mut nodes: Vec<Node> = rows.into_iter().map(|row| Node::Row(Arc::from(row))).collect();
                let value = match relation.many {
                    true => Some(Loaded::Many(nodes)),
                    false => nodes.pop().map(Loaded::One),
                };
                loaded.extend(value.map(|value| ((index, id), LoadedValue(value))));
            }
        }
        Ok(loaded)
    }
}

/// See [`Related`].
#[derive(Clone)]
pub struct LoadedValue(pub(crate) Loaded);

/// What a request carries through its execution.
pub struct Session {
    /// The caller's view.
    pub ctx: Ctx,
    pub(crate) loader: DataLoader<Related, HashMapCache>,
    /// What relations may still bring in.
    pub(crate) budget: Budget,
}

impl Session {
    /// For one request. One that only reads asks for a relation once, however many aliases it has; where something may change
    /// in between, it is read each time.
    pub fn new(ctx: Ctx, only_reads: bool) -> Self {
        let related = Related { ctx: ctx.clone() };
        let loader = DataLoader::with_cache(related, tokio::spawn, HashMapCache::default());
        let loader = loader.delay(std::time::Duration::ZERO);
        loader.enable_all_cache(only_reads);
        Self { ctx, loader, budget: Budget::default() }
    }
}
