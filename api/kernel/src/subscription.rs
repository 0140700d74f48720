//! The subscription of GraphQL: the feed as it happens.

use std::sync::Arc;

use async_graphql::dynamic::{FieldValue, InputValue, SubscriptionField, SubscriptionFieldFuture, TypeRef};
use futures_util::Stream;
use serde_json::Value;

use crate::error::Error;
use crate::graphql::{Shape, arguments, failed, field_name, shape};
use crate::node::Node;
use crate::operation::{Operation, Operations};
use crate::relation::Budget;
use crate::session::Session;
use crate::stream::{Gone, Next, Presence, Tail};

/// The feed as it happens: the arguments of the query, and each event as it comes.
pub(crate) fn followed(operations: &Arc<Operations>, operation: &Operation) -> SubscriptionField {
    let (table, this) = (operations.clone(), operation.clone());
    let item = operation.item.clone().unwrap_or_default();
    let mut field = SubscriptionField::new(field_name(operation), TypeRef::named_nn(item), move |context| {
        let (table, this) = (table.clone(), this.clone());
        SubscriptionFieldFuture::new(async move {
            let presence = context.ctx.data::<Arc<Presence>>()?.clone();
            let session = context.ctx.data::<Session>()?;
            let begun = async {
                let parameters = arguments(&context, &table, &this)?.parameters;
                let cursor = parameters.get("after").and_then(Value::as_str).map(str::to_owned);
                Tail::new(presence.clone(), &parameters, cursor.as_deref()).await
            };
            let request_id = presence.ctx.request_id.clone();
            let tail = begun.await.map_err(|error| failed(&error, &request_id))?;
            Ok(events(tail, request_id, &session.budget))
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

fn events<'a>(
    tail: Tail,
    request_id: Arc<str>,
    budget: &'a Budget,
) -> impl Stream<Item = async_graphql::Result<FieldValue<'a>>> + Send {
    futures_util::stream::unfold(Some(tail), move |tail| {
        let request_id = request_id.clone();
        async move {
            let mut tail = tail?;
            loop {
                return match tail.next().await {
                    Ok(Next::Silence(_)) => continue,
                    Ok(Next::Event(event)) => {
                        // Each event is an answer of its own.
                        budget.renew();
                        let value = serde_json::to_value(&*event);
                        let value = value.map(|value| FieldValue::owned_any(Node::of(value)));
                        Some((value.map_err(|error| failed(&Error::internal(error), &request_id)), Some(tail)))
                    }
                    Ok(Next::End(Gone::Stopping)) => None,
                    Ok(Next::End(Gone::Refused(error))) | Err(error) => Some((Err(failed(&error, &request_id)), None)),
                };
            }
        }
    })
}
