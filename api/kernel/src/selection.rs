//! What a GraphQL operation selects: fields by the name they are answered under, fragments opened, skipped fields left out,
//! variables in their places.

use std::collections::{BTreeMap, HashMap};

use async_graphql::parser::types::{
    Directive, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as Constant, Variables};
use async_graphql_value::Value as Literal;

use crate::error::{Code, Error, Result};

/// Puts the defaults of an operation's variables in their places, and refuses it where one that is required has no value.
pub(crate) fn complete(operation: &OperationDefinition, variables: &mut Variables) -> Result<()> {
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let name = &definition.name.node;
        if let (false, Some(default)) = (variables.contains_key(name), &definition.default_value) {
            variables.insert(name.clone(), default.node.clone());
        }
        let missing = variables.get(name).is_none_or(|value| matches!(value, Constant::Null));
        if missing && !definition.var_type.node.nullable {
            return Err(Error::new(Code::QueryInvalid, format!("the variable {name} is required; give it a value")));
        }
    }
    Ok(())
}

/// What an operation says, once it was validated.
pub(crate) struct Said<'d> {
    pub(crate) fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
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

    /// Whether another field asks for the same. The library does not look across selections that are merged.
    fn is_like(&self, other: &Field) -> bool {
        let given = |field: &Field| -> BTreeMap<Name, Literal> {
            field.arguments.iter().map(|(name, value)| (name.node.clone(), value.node.clone())).collect()
        };
        self.name() == other.name.node.as_str() && given(&self.field.node) == given(other)
    }
}

impl<'d> Said<'d> {
    /// The fields that these selections ask of a type, for which `fits` says whether a fragment on another is about it too.
    pub(crate) fn fields(&self, sets: &[&'d SelectionSet], fits: &impl Fn(&str) -> bool) -> Result<Vec<Selected<'d>>> {
        let mut fields = Vec::new();
        for set in sets {
            self.collect(set, fits, &mut fields)?;
        }
        Ok(fields)
    }

    fn collect(
        &self,
        set: &'d SelectionSet,
        fits: &impl Fn(&str) -> bool,
        fields: &mut Vec<Selected<'d>>,
    ) -> Result<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if self.is_asked(&field.node.directives) => {
                    let key = field.node.response_key().node.as_str();
                    let set = &field.node.selection_set.node;
                    match fields.iter_mut().find(|known| known.key == key) {
                        Some(known) if known.is_like(&field.node) => known.sets.push(set),
                        Some(_) => {
                            let detail = format!("{key} is asked for as two things; give one of them an alias");
                            return Err(Error::new(Code::QueryInvalid, detail));
                        }
                        None => fields.push(Selected { key, field, sets: vec![set] }),
                    }
                }
                Selection::InlineFragment(fragment) if self.is_asked(&fragment.node.directives) => {
                    let on = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    if on.is_none_or(fits) {
                        self.collect(&fragment.node.selection_set.node, fits, fields)?;
                    }
                }
                Selection::FragmentSpread(spread) if self.is_asked(&spread.node.directives) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node)
                        && fits(&fragment.node.type_condition.node.on.node)
                    {
                        self.collect(&fragment.node.selection_set.node, fits, fields)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
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

    fn constant(&self, value: &Literal) -> Option<Constant> {
        Some(match value {
            // None is not null: what it stands for is then as if it were not there.
            Literal::Variable(name) => self.variables.get(name)?.clone(),
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
