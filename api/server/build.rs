//! Embeds the files of the GraphQL page when they are installed (`npm ci` in `pages/graphiql`).

use std::path::Path;

const FILES: &[&str] = &[
    "react/umd/react.production.min.js",
    "react-dom/umd/react-dom.production.min.js",
    "graphiql/graphiql.min.js",
    "graphiql/graphiql.min.css",
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(graphiql_embedded)");
    // What is not there counts as changed at every build.
    let list = "pages/graphiql/node_modules/.package-lock.json";
    println!("cargo::rerun-if-changed={}", if Path::new(list).is_file() { list } else { "pages/graphiql" });
    println!("cargo::rerun-if-changed=build.rs");
    let installed = FILES.iter().all(|file| Path::new("pages/graphiql/node_modules").join(file).is_file());
    if installed {
        println!("cargo::rustc-cfg=graphiql_embedded");
    }
}
