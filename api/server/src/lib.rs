//! The server: every area's operations at one address, the documents, the pages, health and metrics.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::dynamic::Schema;
use roundtable_kernel::address::Addresses;
use roundtable_kernel::attempts::Attempts;
use roundtable_kernel::clock::Clock;
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::hub::Hub;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::principal::Principals;
use roundtable_kernel::rate::Rates;
use roundtable_kernel::seal::Seals;
use roundtable_kernel::sealer::Sealer;
use roundtable_kernel::store::{Store, StoreOptions};
use roundtable_kernel::token::Keys;
use roundtable_kernel::{explain, feed, graphql, graphql_http, http, rest, sse};

pub mod backup;
pub mod deadline;
pub mod demo;
pub mod doctor;
pub mod documents;
pub mod importing;
pub mod observe;
pub mod operator;
pub mod pages;
pub mod serve;
pub mod settings;
pub mod version;

use settings::Settings;
pub use version::{check_version, migrate};

/// How long what still uses the database is waited for at the end.
const CLOSE: Duration = Duration::from_secs(5);

/// Every operation of the product.
pub fn operations() -> Operations {
    let mut table = Operations::default();
    roundtable_identity::register(&mut table);
    roundtable_people::register(&mut table);
    roundtable_momentum::register(&mut table);
    roundtable_scan::register(&mut table);
    roundtable_direction::register(&mut table);
    roundtable_calendar::register(&mut table);
    roundtable_mail::register(&mut table);
    roundtable_exchange::register(&mut table);
    roundtable_events::register(&mut table);
    // Last, since it tells of all records.
    feed::register(&mut table);
    explain::register(&mut table);
    table
}

/// A server ready to answer.
#[derive(Clone)]
pub struct Server {
    /// What operations work with.
    pub app: Arc<App>,
    /// Where operations stand.
    pub addresses: Arc<Addresses>,
    /// The GraphQL schema.
    pub schema: Schema,
    /// Documents and pages.
    pub pages: Arc<pages::Pages>,
}

/// Connects to the database.
pub async fn connect(settings: &Settings) -> Result<Store> {
    let options = StoreOptions {
        url: settings.database_url.clone(),
        read_url: settings.database_read_url.clone(),
        connections: settings.database_connections,
        workers: settings.workers(),
    };
    Store::connect(&options).await
}

/// Closes the database, as a program does before it ends: a SQLite file then holds all there is, with nothing beside it.
pub async fn close(store: &Store) {
    match tokio::time::timeout(CLOSE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the database was not closed in order"),
        Err(_) => tracing::warn!("the database is still in use and was not closed in order"),
    }
}

/// Makes the server over a database that is at this version.
pub async fn assemble(store: Store, settings: &Settings) -> Result<Server> {
    assemble_of(operations(), store, settings).await
}

/// Makes a server of these operations.
pub async fn assemble_of(operations: Operations, store: Store, settings: &Settings) -> Result<Server> {
    let public_url = settings.public_url();
    let operations = Arc::new(operations);
    let addresses = Arc::new(Addresses::of(&operations)?);
    let schema = build_schema(&operations)?;
    let pages = Arc::new(pages::Pages::new(&schema, &operations));
    let app = Arc::new(App {
        keys: Keys::load(&store, &public_url).await?,
        sealer: Sealer::load(&store).await?,
        hub: Hub::default(),
        webhook_networks: settings.sending()?.allowed,
        origins: settings.listed(&settings.cors_origins),
        store,
        principals: Principals::default(),
        operations,
        clock: Clock::default(),
        seals: Seals::default(),
        attempts: Attempts::default(),
        rates: Rates::new(settings.reads_per_minute, settings.writes_per_minute),
        limits: settings.limits(),
        trusted_proxies: settings.listed(&settings.trusted_proxies),
        identity_providers: settings.identity_providers.clone(),
        public_url,
        mail_from: settings.mail()?.map(|transport| transport.address()),
    });
    Ok(Server { app, addresses, schema, pages })
}

impl Server {
    /// Mounts everything.
    pub fn configure(&self, config: &mut ServiceConfig) {
        sse::configure(&self.app, config);
        rest::configure(&self.app, &self.addresses, config);
        graphql_http::configure(&self.app, &self.schema, config);
        roundtable_identity::oauth::configure(&self.app, config);
        roundtable_calendar::door::configure(&self.app, config);
        roundtable_hsds::configure(&self.app, config);
        roundtable_identity::callback::configure(config);
        roundtable_scim::configure(&self.app, config);
        observe::configure(&self.app, config);
        pages::configure(&self.pages, config);
        config.default_service(web::to(|request: HttpRequest| async move { nothing_here(&request) }));
    }
}

fn nothing_here(request: &HttpRequest) -> HttpResponse {
    http::problem(&Code::NotFound.into(), &http::request_id(request))
}

/// Does what the server does by itself, until it stops: what falls due, and forgetting old answers.
pub async fn keep_house(app: Arc<App>) {
    let mut every = tokio::time::interval(Duration::from_secs(600));
    loop {
        every.tick().await;
        // Keys may have been rotated by another process.
        if let Err(error) = app.keys.refresh(&app.store).await {
            tracing::warn!(%error, "the signing keys could not be read again");
        }
        if let Err(error) = serve::sweep(&app).await {
            tracing::warn!(%error, "keeping house failed; it will be tried again");
        }
    }
}

/// The schema builder of the GraphQL door, for the documents.
pub(crate) fn build_schema(table: &Arc<Operations>) -> Result<Schema> {
    graphql::schema(table).map_err(|error| Error::internal(error.to_string()))
}
