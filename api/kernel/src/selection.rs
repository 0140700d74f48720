//! What a GraphQL operation selects: fields by the name they are answered under, fragments opened, skipped fields left out,
//! variables in their places.

use std::collections::{BTreeMap, HashMap};

use async_graphql::parser::types::{Directive, Field, FragmentDefinition, Selection, SelectionSet, VariableDefinition};
use async_graphql::{Name, Positioned, ServerError, Value as Constant, Variables};
use async_graphql_value::Value as Literal;

/// What an operation says, once it was validated.
pub(crate) struct Said<'d> {
    pub(crate) fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    pub(crate) definitions: &'d [Positioned<VariableDefinition>],
    pub(crate) variables: &'d Variables,
}

/// A field as it is answered. Where several say the same, it has the selections of all of them.
pub(crate) struct Selected<'d> {
    pub(crate) key: &'d str,
    pub(crate) field: &'d Positioned<Field>,
    pub(crate) sets: Vec<&'d SelectionSet>,
}

impl Selected<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.field.node.name.node
    }
}

impl<'d> Said<'d> {
    /// Says which variable is asked for and not given.
    pub(crate) fn lacking(&self) -> Option<ServerError> {
        let missing = self.definitions.iter().find(|definition| {
            let given = self.given(&definition.node);
            !definition.node.var_type.node.nullable && given.is_none_or(|value| matches!(value, Constant::Null))
        })?;
        let message = format!("the variable {} is required; give it a value", missing.node.name.node);
        Some(ServerError::new(message, Some(missing.pos)))
    }

    /// The fields that these selections ask of a type, for which `fits` says whether a fragment on another is about it too.
    pub(crate) fn fields(&self, sets: &[&'d SelectionSet], fits: &impl Fn(&str) -> bool) -> Vec<Selected<'d>> {
        let mut fields = Vec::new();
        for set in sets {
            self.collect(set, fits, &mut fields);
        }
        fields
    }

    fn collect(&self, set: &'d SelectionSet, fits: &impl Fn(&str) -> bool, fields: &mut Vec<Selected<'d>>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if self.is_asked(&field.node.directives) => {
                    let key = field.node.response_key().node.as_str();
                    let set = &field.node.selection_set.node;
                    match fields.iter_mut().find(|known| known.key == key) {
                        Some(known) => known.sets.push(set),
                        None => fields.push(Selected { key, field, sets: vec![set] }),
                    }
                }
                Selection::InlineFragment(fragment) if self.is_asked(&fragment.node.directives) => {
                    let on = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    if on.is_none_or(fits) {
                        self.collect(&fragment.node.selection_set.node, fits, fields);
                    }
                }
                Selection::FragmentSpread(spread) if self.is_asked(&spread.node.directives) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node)
                        && fits(&fragment.node.type_condition.node.on.node)
                    {
                        self.collect(&fragment.node.selection_set.node, fits, fields);
                    }
                }
                _ => {}
            }
        }
    }

    fn is_asked(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.node.arguments.iter().find(|(name, _)| name.node == "if");
            let holds = || condition.and_then(|(_, value)| self.constant(&value.node)) == Some(Constant::Boolean(true));
            match directive.node.name.node.as_str() {
                "skip" => !holds(),
                "include" => holds(),
                _ => true,
            }
        })
    }

    /// The arguments that are given. One whose variable has no value is not.
    pub(crate) fn arguments(&self, field: &'d Field) -> BTreeMap<&'d str, Constant> {
        let arguments = field.arguments.iter();
        arguments.filter_map(|(name, value)| Some((name.node.as_str(), self.constant(&value.node)?))).collect()
    }

    /// The value of a variable. None is not null: what it stands for is then as if it were not there.
    fn given(&self, definition: &'d VariableDefinition) -> Option<&'d Constant> {
        self.variables.get(&definition.name.node).or(definition.default_value.as_ref().map(|value| &value.node))
    }

    fn constant(&self, value: &Literal) -> Option<Constant> {
        Some(match value {
            Literal::Variable(name) => {
                let definition = self.definitions.iter().find(|definition| definition.node.name.node == *name)?;
                self.given(&definition.node)?.clone()
            }
            Literal::List(items) => {
                Constant::List(items.iter().map(|item| self.constant(item).unwrap_or_default()).collect())
            }
            Literal::Object(members) => {
                let members = members.iter();
                Constant::Object(
                    members.filter_map(|(name, value)| Some((name.clone(), self.constant(value)?))).collect(),
                )
            }
            other => other.clone().into_const()?,
        })
    }
}
