//! Which operation is asked for, by address and method. One table for all workers: that of the framework is a list of regular
//! expressions in each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::Method;
use matchit::Router;

use crate::error::{Error, Result};
use crate::export::{self, Format};
use crate::op::Op;
use crate::operation::{Kind, Operations};

/// What is asked for at an address.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// An operation.
    Operation(Op),
    /// A list as a file.
    File(Op, Format),
}

/// What can be asked for at one address.
pub(crate) struct Place {
    /// The address, its parameters in braces.
    pub(crate) path: Arc<str>,
    methods: Vec<(&'static str, Asked)>,
}

impl Place {
    /// What is asked for by this method.
    pub(crate) fn asked(&self, method: &Method) -> Option<Asked> {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        self.methods.iter().find(|(name, _)| *name == method).map(|(_, asked)| *asked)
    }

    /// The methods, as they stand in `Allow`.
    pub(crate) fn allowed(&self) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(|(name, _)| *name).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.join(", ")
    }
}

/// The addresses of all operations.
pub struct Addresses {
    router: Router<Place>,
}

impl Addresses {
    /// Those of these operations, and of lists as files.
    pub fn of(operations: &Operations) -> Result<Self> {
        let mut places: BTreeMap<String, Vec<(&'static str, Asked)>> = BTreeMap::new();
        let mut add = |path: String, method, asked| places.entry(path).or_default().push((method, asked));
        for operation in operations.iter() {
            add(operation.path.clone(), operation.kind.method(), Asked::Operation(operation.op));
        }
        for list in operations.iter().filter(|operation| operation.kind == Kind::List) {
            for format in Format::ALL {
                add(export::address(list, format), "GET", Asked::File(list.op, format));
            }
        }
        let mut router = Router::new();
        for (path, methods) in places {
            let place = Place { path: path.as_str().into(), methods };
            router.insert(path, place).map_err(Error::internal)?;
        }
        Ok(Self { router })
    }

    /// What stands at this address, and the id in it.
    pub(crate) fn at<'p>(&self, path: &'p str) -> Option<(&Place, Option<&'p str>)> {
        let found = self.router.at(path).ok()?;
        Some((found.value, found.params.get("id")))
    }
}
