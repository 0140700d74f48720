//! What a GraphQL request carries through its execution: the caller's view, what was asked, and what relations may still bring
//! in.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use async_graphql::{Positioned, Variables};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::relation::Budget;
use crate::selection;

/// See the module.
pub struct Session {
    /// The caller's view.
    pub ctx: Ctx,
    pub(crate) document: ExecutableDocument,
    pub(crate) variables: Variables,
    pub(crate) budget: Budget,
}

impl Session {
    pub(crate) fn new(ctx: Ctx, document: ExecutableDocument, variables: Variables) -> Self {
        Self { ctx, document, variables, budget: Budget::default() }
    }

    /// Completes the variables of the operation of that name; see [`selection::complete`].
    pub(crate) fn complete(&mut self, name: Option<&str>) -> Result<()> {
        let mut variables = std::mem::take(&mut self.variables);
        let done = self.operation(name).map_or(Ok(()), |asked| selection::complete(&asked.node, &mut variables));
        self.variables = variables;
        done
    }

    /// The operation of that name, or the only one.
    pub(crate) fn operation(&self, name: Option<&str>) -> Option<&Positioned<OperationDefinition>> {
        match (&self.document.operations, name) {
            (DocumentOperations::Single(operation), _) => Some(operation),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
            (DocumentOperations::Multiple(operations), None) => {
                operations.values().next().filter(|_| operations.len() == 1)
            }
        }
    }
}
