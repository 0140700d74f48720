//! Runs what a GraphQL operation selects, level by level: every relation is read once for all records of its level, and what
//! is selected of a record is written straight into the answer. The library parses and validates. Left to run it too, it would
//! make each field of each record a task of its own, which costs several times what reading the records does.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Value as Constant;
use async_graphql::parser::types::SelectionSet;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::graphql::{self, Shape};
use crate::list;
use crate::node::{Member, Node};
use crate::op::Op;
use crate::operation::{Arguments, Kind, Operation, Operations};
use crate::relation::{Budget, MOST_RECORDS, Relation};
use crate::selection::{Said, Selected};

/// Member under which objects tell their type to the library.
pub(crate) const TYPE: &str = "$type";
/// Field of the root that finds any record.
pub(crate) const NODE: &str = "node";
const NULL: &[u8] = b"null";
/// Ids that one statement asks for.
const TOGETHER: usize = 1000;

/// The graph as it is run.
#[derive(Default)]
pub(crate) struct Graph {
    /// Its types, interfaces left out.
    pub(crate) types: HashMap<String, TypeOf>,
    /// Operations by their field of the root.
    pub(crate) roots: HashMap<String, Op>,
}

/// A type of the graph.
pub(crate) struct TypeOf {
    pub(crate) fields: HashMap<String, FieldOf>,
    pub(crate) interfaces: Vec<String>,
}

/// Where a field of a type comes from.
pub(crate) enum FieldOf {
    Member { member: Member, shape: Shape, required: bool },
    Relation(usize),
}

/// Something of the graph, and the type it is shown as.
struct Item<'d> {
    node: Node,
    form: &'d str,
}

/// An object as JSON, and how many records relations brought into it.
#[derive(Default)]
struct Written {
    json: Vec<u8>,
    brought: usize,
}

/// Where a field leads to: objects, and which of them stand at each place.
#[derive(Default)]
struct Inner {
    objects: Vec<Written>,
    places: Vec<Place>,
}

enum Place {
    Nothing,
    One(usize),
    Many(Range<usize>),
}

impl Inner {
    fn objects(&self, at: usize) -> &[Written] {
        let objects = match self.places.get(at) {
            Some(Place::One(one)) => self.objects.get(*one..=*one),
            Some(Place::Many(many)) => self.objects.get(many.clone()),
            _ => None,
        };
        objects.unwrap_or_default()
    }

    fn put(&self, at: usize, out: &mut Vec<u8>) {
        match (self.places.get(at), self.objects(at)) {
            (Some(Place::Many(_)), many) => put_list(many, out),
            (_, [one]) => out.extend_from_slice(&one.json),
            _ => out.extend_from_slice(NULL),
        }
    }
}

/// What relations brought, by the relation and the id it was asked with.
type Known = HashMap<(usize, Uuid), Arc<[Node]>>;

/// One execution.
pub(crate) struct Execution<'d> {
    ctx: &'d Ctx,
    graph: &'d Graph,
    said: Said<'d>,
    budget: &'d Budget,
    /// Whether objects tell their type.
    tells: bool,
    /// What relations brought so far.
    known: Mutex<Known>,
}

impl<'d> Execution<'d> {
    pub(crate) fn new(ctx: &'d Ctx, graph: &'d Graph, said: Said<'d>, budget: &'d Budget) -> Self {
        Self { ctx, graph, said, budget, tells: false, known: Mutex::default() }
    }

    /// One whose objects tell their type.
    pub(crate) fn telling(self) -> Self {
        Self { tells: true, ..self }
    }

    /// Reads relations anew from here on: something may have changed.
    pub(crate) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn operations(&self) -> &'d Operations {
        &self.ctx.app.operations
    }

    /// The fields asked of a type that is no interface's.
    pub(crate) fn fields(&self, sets: &[&'d SelectionSet]) -> Result<Vec<Selected<'d>>> {
        self.said.fields(sets, &|_| true)
    }

    /// The answer to a field of the root, as JSON.
    pub(crate) async fn root(&self, asked: &Selected<'d>) -> Result<Vec<u8>> {
        let given = self.said.arguments(&asked.field.node);
        if asked.name() == NODE {
            let id = graphql::id(&given).ok();
            let found = match id {
                Some(id) => graphql::find_node(self.ctx, id).await?,
                None => None,
            };
            return match found {
                Some((node, of)) => self.told(node, of, &asked.sets).await,
                None => Ok(NULL.to_vec()),
            };
        }
        let operation = self.graph.roots.get(asked.name()).and_then(|op| self.operations().get(*op));
        let operation = operation.ok_or_else(|| Error::internal(format!("nothing answers {}", asked.name())))?;
        let mut ctx = self.ctx.clone();
        ctx.validate_only = given.get("validateOnly") == Some(&Constant::Boolean(true));
        let arguments = self.arguments(operation, &given, &asked.sets)?;
        let answered = match self.operations().call(&ctx, operation.op, arguments).await {
            // What is not there is null where it was asked for by id.
            Err(error) if error.code == Code::NotFound && operation.kind == Kind::Get => return Ok(NULL.to_vec()),
            other => other?,
        };
        let shown = answered.shown;
        let page = shown.page().map(|(page_info, total)| (serde_json::to_value(page_info), total));
        let cursors = shown.cursors().to_vec();
        let mut nodes = shown.into_nodes()?;
        match (page, &operation.item) {
            (Some((page_info, total)), Some(of)) => {
                let page_info = Node::of(page_info.map_err(Error::internal)?);
                self.connection(&self.items(of, nodes), of, &cursors, page_info, total, &asked.sets).await
            }
            _ => match nodes.pop() {
                Some(node) => self.told(node, &operation.answer, &asked.sets).await,
                None => Ok(NULL.to_vec()),
            },
        }
    }

    /// One object as JSON.
    pub(crate) async fn told(&self, node: Node, of: &str, sets: &[&'d SelectionSet]) -> Result<Vec<u8>> {
        let written = self.charged(&self.items(of, vec![node]), sets).await?;
        Ok(written.into_iter().next().unwrap_or_default().json)
    }

    /// Objects that stand in the answer, with what relations brought into them taken from the budget.
    async fn charged(&self, items: &[Item<'d>], sets: &[&'d SelectionSet]) -> Result<Vec<Written>> {
        let written = self.write(items, sets).await?;
        self.budget.take(written.iter().map(|one| one.brought).sum())?;
        Ok(written)
    }

    fn arguments(
        &self,
        operation: &Operation,
        given: &BTreeMap<&str, Constant>,
        sets: &[&'d SelectionSet],
    ) -> Result<Arguments> {
        let mut arguments = graphql::arguments(given, self.operations(), operation)?;
        if operation.item.is_some() {
            for asked in self.fields(sets)? {
                if asked.name() == "totalCount" {
                    arguments.parameters.insert("total".into(), json!(true));
                }
                if asked.name() == "edges" && self.fields(&asked.sets)?.iter().any(|inner| inner.name() == "cursor") {
                    arguments.parameters.insert(list::CURSORS.into(), json!(true));
                }
            }
        }
        Ok(arguments)
    }

    /// These with the type each is shown as: where their own is an interface, the form of its kind.
    fn items(&self, of: &str, nodes: Vec<Node>) -> Vec<Item<'d>> {
        let form_of = self.operations().interfaces.get(of).copied();
        let named = |form: &str| self.graph.types.get_key_value(form).map_or("", |(name, _)| name.as_str());
        let own = named(of);
        nodes
            .into_iter()
            .map(|node| Item { form: form_of.map_or(own, |form_of| named(form_of(&node.kind()))), node })
            .collect()
    }

    async fn connection(
        &self,
        items: &[Item<'d>],
        of: &str,
        cursors: &[String],
        page_info: Node,
        total: Option<u64>,
        sets: &[&'d SelectionSet],
    ) -> Result<Vec<u8>> {
        let mut out = self.begun(&format!("{of}Connection"))?;
        for asked in self.fields(sets)? {
            put_name(asked.key, &mut out);
            match asked.name() {
                "nodes" => {
                    put_list(&self.charged(items, &asked.sets).await?, &mut out);
                }
                "edges" => self.edges(items, of, cursors, &asked.sets, &mut out).await?,
                "pageInfo" => out.extend(self.told(page_info.clone(), "PageInfo", &asked.sets).await?),
                "totalCount" => put(&total, &mut out)?,
                _ => put(&format!("{of}Connection"), &mut out)?,
            }
        }
        out.push(b'}');
        Ok(out)
    }

    async fn edges(
        &self,
        items: &[Item<'d>],
        of: &str,
        cursors: &[String],
        sets: &[&'d SelectionSet],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let asked = self.fields(sets)?;
        let mut nodes = Vec::new();
        for field in asked.iter().filter(|field| field.name() == NODE) {
            nodes.push(self.charged(items, &field.sets).await?);
        }
        let mut edges = Vec::with_capacity(items.len());
        for at in 0..items.len() {
            let mut json = self.begun(&format!("{of}Edge"))?;
            let mut nodes = nodes.iter();
            for field in &asked {
                put_name(field.key, &mut json);
                match field.name() {
                    NODE => json.extend(nodes.next().and_then(|of| of.get(at)).map_or(NULL, |node| &node.json)),
                    "cursor" => put(&cursors.get(at), &mut json)?,
                    _ => put(&format!("{of}Edge"), &mut json)?,
                }
            }
            json.push(b'}');
            edges.push(Written { json, brought: 0 });
        }
        put_list(&edges, out);
        Ok(())
    }

    /// The beginning of an object of this type.
    fn begun(&self, form: &str) -> Result<Vec<u8>> {
        let mut out = vec![b'{'];
        if self.tells {
            put_name(TYPE, &mut out);
            put(form, &mut out)?;
        }
        Ok(out)
    }

    /// Objects as JSON, each with what is selected of its type.
    fn write<'a>(&'a self, items: &'a [Item<'d>], sets: &'a [&'d SelectionSet]) -> BoxFuture<'a, Result<Vec<Written>>> {
        Box::pin(async move {
            let mut forms: Vec<&str> = items.iter().map(|item| item.form).collect();
            forms.sort_unstable();
            forms.dedup();
            if let [form] = forms[..] {
                return self.write_as(form, &items.iter().map(|item| &item.node).collect::<Vec<_>>(), sets).await;
            }
            self.foresee(items, &forms, sets).await?;
            let mut written: Vec<Written> = items.iter().map(|_| Written::default()).collect();
            for form in forms {
                let nodes: Vec<&Node> = items.iter().filter(|item| item.form == form).map(|item| &item.node).collect();
                let mut of_form = self.write_as(form, &nodes, sets).await?.into_iter();
                for (place, _) in written.iter_mut().zip(items).filter(|(_, item)| item.form == form) {
                    *place = of_form.next().unwrap_or_default();
                }
            }
            Ok(written)
        })
    }

    fn asked_of(&self, form: &str, of: &TypeOf, sets: &[&'d SelectionSet]) -> Result<Vec<Selected<'d>>> {
        self.said.fields(sets, &|on| on == form || of.interfaces.iter().any(|interface| interface == on))
    }

    /// Reads the relations that lead on from objects of several types, so that each is read once for all of them.
    async fn foresee(&self, items: &[Item<'d>], forms: &[&str], sets: &[&'d SelectionSet]) -> Result<()> {
        let mut wanted: BTreeMap<usize, (&Relation, Vec<Uuid>)> = BTreeMap::new();
        for form in forms {
            let Some(of) = self.graph.types.get(*form) else { continue };
            for selected in self.asked_of(form, of, sets)? {
                if let Some(FieldOf::Relation(index)) = of.fields.get(selected.name())
                    && let Some(relation) = self.operations().relations.get(*index)
                {
                    let nodes = items.iter().filter(|item| item.form == *form).map(|item| &item.node);
                    let (_, ids) = wanted.entry(*index).or_insert((relation, Vec::new()));
                    ids.extend(nodes.filter_map(|node| node.id_in(&relation.member)));
                }
            }
        }
        for (index, (relation, ids)) in wanted {
            self.brought(index, relation, ids).await?;
        }
        Ok(())
    }

    /// The same, of one type.
    async fn write_as(&self, form: &str, nodes: &[&Node], sets: &[&'d SelectionSet]) -> Result<Vec<Written>> {
        let of = self.graph.types.get(form).ok_or_else(|| Error::internal("something is shown as no type"))?;
        let asked = self.asked_of(form, of, sets)?;
        let mut brought = vec![0; nodes.len()];
        let mut fields = Vec::with_capacity(asked.len());
        for selected in &asked {
            let field = of.fields.get(selected.name());
            let (inner, each) = match field {
                Some(FieldOf::Relation(index)) => (Some(self.related(*index, nodes, &selected.sets).await?), 1),
                Some(FieldOf::Member { member, shape, .. }) if shape.leads_on() => {
                    (Some(self.nested(member, shape, nodes, &selected.sets).await?), 0)
                }
                _ => (None, 0),
            };
            if let Some(inner) = &inner {
                for (at, brought) in brought.iter_mut().enumerate() {
                    *brought += inner.objects(at).iter().map(|object| object.brought + each).sum::<usize>();
                }
                // Before any of them is written as often as it stands there.
                self.bounded(brought.iter().sum())?;
            }
            fields.push((selected, field, inner));
        }
        let begun = self.begun(form)?;
        let mut written: Vec<Written> = Vec::with_capacity(nodes.len());
        for (at, (node, brought)) in nodes.iter().zip(brought).enumerate() {
            let mut json = Vec::with_capacity(written.last().map_or(0, |last| last.json.len() + last.json.len() / 8));
            json.extend_from_slice(&begun);
            for (selected, field, inner) in &fields {
                put_name(selected.key, &mut json);
                match (inner, field) {
                    (Some(inner), _) => inner.put(at, &mut json),
                    (None, Some(FieldOf::Member { member, shape, .. })) => {
                        let from = json.len();
                        node.write(member, &mut json)?;
                        shape.put_words(json.get_mut(from..).unwrap_or_default());
                    }
                    _ if selected.name() == "__typename" => put(form, &mut json)?,
                    _ => return Err(Error::new(Code::QueryInvalid, format!("{form} has no {}", selected.name()))),
                }
                if let Some(FieldOf::Member { member, required: true, .. }) = field
                    && json.ends_with(b":null")
                {
                    return Err(Error::internal(format!("{form}.{} holds nothing", member.name)));
                }
            }
            json.push(b'}');
            written.push(Written { json, brought });
        }
        Ok(written)
    }

    /// What a relation leads to from each of these.
    async fn related(&self, index: usize, nodes: &[&Node], sets: &[&'d SelectionSet]) -> Result<Inner> {
        let relation = self.operations().relations.get(index);
        let relation = relation.ok_or_else(|| Error::internal("a field is no relation"))?;
        let asked: Vec<Option<Uuid>> = nodes.iter().map(|node| node.id_in(&relation.member)).collect();
        let ids: Vec<Uuid> = asked.iter().copied().flatten().collect();
        let mut found = Vec::new();
        let mut spans = HashMap::with_capacity(ids.len());
        for (id, nodes) in self.brought(index, relation, ids).await? {
            let begin = found.len();
            found.extend(nodes.iter().cloned());
            spans.insert(id, begin..found.len());
        }
        // Before anything is followed from there.
        self.bounded(
            asked.iter().flatten().filter_map(|id| spans.get(id)).map(|span: &Range<usize>| span.len()).sum(),
        )?;
        let objects = self.write(&self.items(relation.to, found), sets).await?;
        let places = asked.into_iter().map(|id| {
            let span = id.and_then(|id| spans.get(&id).cloned()).unwrap_or_default();
            match relation.many {
                true => Place::Many(span),
                false if span.is_empty() => Place::Nothing,
                false => Place::One(span.start),
            }
        });
        Ok(Inner { places: places.collect(), objects })
    }

    /// Refuses so many records of relations at one place, and everything once the budget is spent.
    fn bounded(&self, brought: usize) -> Result<()> {
        self.budget.take(if brought > MOST_RECORDS { brought } else { 0 })
    }

    /// What a relation brings for these ids, read once for each.
    async fn brought(&self, index: usize, relation: &Relation, mut ids: Vec<Uuid>) -> Result<Vec<(Uuid, Arc<[Node]>)>> {
        ids.sort_unstable();
        ids.dedup();
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut brought = Vec::with_capacity(ids.len());
        {
            let known = known();
            ids.retain(|id| match known.get(&(index, *id)) {
                Some(nodes) => {
                    brought.push((*id, nodes.clone()));
                    false
                }
                None => true,
            });
        }
        let mut records = 0;
        for ids in ids.chunks(TOGETHER) {
            self.bounded(records)?;
            let mut found = relation.fetch(self.ctx.clone(), ids.to_vec()).await?;
            let mut known = known();
            for id in ids {
                let rows = found.remove(id).unwrap_or_default();
                let nodes: Arc<[Node]> = rows.into_iter().map(|row| Node::Row(Arc::from(row))).collect();
                records += nodes.len();
                known.insert((index, *id), nodes.clone());
                brought.push((*id, nodes));
            }
        }
        Ok(brought)
    }

    /// The objects within each of these.
    async fn nested(
        &self,
        member: &Member,
        shape: &Shape,
        nodes: &[&Node],
        sets: &[&'d SelectionSet],
    ) -> Result<Inner> {
        let mut items: Vec<Item<'d>> = Vec::new();
        let mut places = Vec::with_capacity(nodes.len());
        for node in nodes {
            let value = node.member(member)?;
            let begin = items.len();
            places.push(match (shape, value) {
                (Shape::List(of), Value::Array(values)) => {
                    items.extend(self.items(of.name(), values.into_iter().map(Node::of).collect()));
                    Place::Many(begin..items.len())
                }
                (Shape::Record, value @ Value::Object(_)) => {
                    let kind = node.member(&Member { name: "recordType".into(), column: "record_type" })?;
                    let reader = kind.as_str().and_then(|kind| self.operations().readers.get(kind));
                    items.extend(self.items(reader.map_or("", |reader| reader.name), vec![Node::of(value)]));
                    Place::One(begin)
                }
                (_, value @ Value::Object(_)) => {
                    items.extend(self.items(shape.name(), vec![Node::of(value)]));
                    Place::One(begin)
                }
                _ => Place::Nothing,
            });
        }
        Ok(Inner { objects: self.write(&items, sets).await?, places })
    }
}

fn put(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, value).map_err(Error::internal)
}

/// The name of a member. Names of GraphQL are written as they are.
pub(crate) fn put_name(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn put_list(objects: &[Written], out: &mut Vec<u8>) {
    out.reserve(objects.iter().map(|object| object.json.len() + 1).sum::<usize>() + 2);
    out.push(b'[');
    for (at, object) in objects.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&object.json);
    }
    out.push(b']');
}
