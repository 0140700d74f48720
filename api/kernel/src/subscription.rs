//! The subscription of GraphQL: the feed as it happens.

use std::sync::Arc;

use async_graphql::dynamic::{FieldValue, InputValue, SubscriptionField, SubscriptionFieldFuture, TypeRef};
use async_graphql::parser::types::SelectionSet;
use futures_util::Stream;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::execution::Execution;
use crate::feed::Event;
use crate::graphql::{Shape, arguments, execution, failed, field_name, made, said, shape};
use crate::node::Node;
use crate::operation::{Operation, Operations};
use crate::relation::Budget;
use crate::session::Session;
use crate::stream::{Gone, Next, Presence, Tail};

/// The feed as it happens: the arguments of the query, and each event as it comes.
pub(crate) fn followed(operations: &Arc<Operations>, operation: &Operation) -> SubscriptionField {
    let (table, this) = (operations.clone(), operation.clone());
    let item = operation.item.clone().unwrap_or_default();
    let mut field = SubscriptionField::new(field_name(operation), TypeRef::named_nn(&item), move |context| {
        let (table, this, item) = (table.clone(), this.clone(), item.clone());
        SubscriptionFieldFuture::new(async move {
            let presence = context.ctx.data::<Arc<Presence>>()?.clone();
            let session = context.ctx.data::<Session>()?;
            let begun = async {
                let given = said(&context).arguments(&context.ctx.item.node);
                let parameters = arguments(&given, &table, &this)?.parameters;
                let cursor = parameters.get("after").and_then(Value::as_str).map(str::to_owned);
                Tail::new(presence.clone(), &parameters, cursor.as_deref()).await
            };
            let request_id = presence.ctx.request_id.clone();
            let tail = begun.await.map_err(|error| failed(&error, &request_id))?;
            let set = &context.ctx.item.node.selection_set.node;
            Ok(events(
                tail,
                request_id,
                Shower { execution: execution(&context)?, of: item, set, budget: &session.budget },
            ))
        })
    })
    .description("What happens, as it happens, as far as you may read the records it happens to.");
    for parameter in operation.parameters.iter().filter(|parameter| parameter.name != "first") {
        let one = shape(operations, &parameter.schema);
        let shape = if parameter.many { Shape::List(Box::new(one)) } else { one };
        field =
            field.argument(InputValue::new(&parameter.name, shape.typed(false)).description(&parameter.description));
    }
    field
}

/// Shows events as they were asked for.
struct Shower<'a> {
    execution: Execution<'a>,
    of: String,
    set: &'a SelectionSet,
    budget: &'a Budget,
}

impl<'a> Shower<'a> {
    /// Each event is an answer of its own.
    async fn show(&self, event: &Event) -> Result<Option<FieldValue<'a>>> {
        self.budget.renew();
        self.execution.forget();
        let node = Node::of(serde_json::to_value(event).map_err(Error::internal)?);
        made(&self.execution.told(node, &self.of, &[self.set]).await?, false)
    }
}

fn events<'a>(
    tail: Tail,
    request_id: Arc<str>,
    shower: Shower<'a>,
) -> impl Stream<Item = async_graphql::Result<FieldValue<'a>>> + Send {
    futures_util::stream::unfold((Some(tail), shower), move |(tail, shower)| {
        let request_id = request_id.clone();
        async move {
            let mut tail = tail?;
            loop {
                return match tail.next().await {
                    Ok(Next::Silence(_)) => continue,
                    Ok(Next::Event(event)) => {
                        let shown = shower.show(&event).await.map(|shown| shown.unwrap_or(FieldValue::NULL));
                        // What cannot be shown ends it, as the library would.
                        let tail = shown.is_ok().then_some(tail);
                        Some((shown.map_err(|error| failed(&error, &request_id)), (tail, shower)))
                    }
                    Ok(Next::End(Gone::Stopping)) => None,
                    Ok(Next::End(Gone::Refused(error))) | Err(error) => {
                        Some((Err(failed(&error, &request_id)), (None, shower)))
                    }
                };
            }
        }
    })
}
