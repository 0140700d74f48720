//! Configuration: a file, then the environment, every key known and checked.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use config::{Config, Environment, File, FileFormat};
use roundtable_events::sending::Sending;
use roundtable_kernel::ctx::Limits;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::identity_provider::{self, IdentityProvider};
use roundtable_mail::Transport;
use serde::Deserialize;

/// What can be configured. In the file by these names; in the environment as `ROUNDTABLE_` and the name in upper case.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the database is: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    pub database_url: String,
    /// Where a read replica of a PostgreSQL database is; it answers what it may. None when empty.
    pub database_read_url: String,
    /// Connections to the database, and as many to its read replica.
    pub database_connections: u32,
    /// Whether a SQLite file is copied beside itself before it is brought to another version.
    pub backup_before_migrating: bool,
    /// Where a PostgreSQL server is reached directly when `database_url` is a pooler's address; the same when empty.
    pub listen_url: String,
    /// Address and port to listen on.
    pub bind: String,
    /// Address clients reach the server under; `http://` and `bind` when empty.
    pub public_url: String,
    /// Origins of front ends in browsers that may call the server (CORS), separated by commas; `*` for any.
    pub cors_origins: String,
    /// Addresses of proxies in front whose `X-Forwarded-For` is believed, separated by commas.
    pub trusted_proxies: String,
    /// Threads that answer; one a core when 0.
    pub workers: usize,
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Largest file to import, bytes.
    pub import_bytes: usize,
    /// Seconds the head of a request may take to come in, and its body; a file to import has ten times as long.
    pub receive_seconds: u64,
    /// Seconds until a request is answered or refused; imports take as long as they take.
    pub request_seconds: u64,
    /// How long an access token lasts, seconds.
    pub access_token_seconds: u64,
    /// How long a session can be refreshed, days.
    pub refresh_token_days: u64,
    /// How long an invitation can be accepted, days.
    pub invitation_days: u64,
    /// Attempts to sign in a minute, by account and by address.
    pub sign_ins_per_minute: u32,
    /// Operations a minute that read, by account, and by address where nobody signed in; no limit when 0.
    pub reads_per_minute: u32,
    /// Operations a minute that write, counted likewise; no limit when 0.
    pub writes_per_minute: u32,
    /// Where people may sign in beside here. In the environment as JSON.
    #[serde(deserialize_with = "identity_provider::listed")]
    pub identity_providers: Vec<IdentityProvider>,
    /// Deepest GraphQL selection.
    pub graphql_depth: usize,
    /// Most fields of a GraphQL document, fragments expanded.
    pub graphql_fields: usize,
    /// Most aliases of one GraphQL field.
    pub graphql_aliases: usize,
    /// Most GraphQL requests in one batch.
    pub graphql_batch: usize,
    /// Where mail is handed over: `smtps://USER:PASSWORD@HOST`, or `smtp://…?tls=required`; none is sent when empty.
    pub mail_server: String,
    /// Who mail is from: `Name <address>`.
    pub mail_from: String,
    /// Most streams and sockets an account has open.
    pub streams_per_account: usize,
    /// Most subscriptions on one socket.
    pub subscriptions_per_socket: usize,
    /// Seconds a socket may be open before it says who it is.
    pub connection_init_seconds: u64,
    /// How long events are kept, days; for ever when 0.
    pub event_days: u32,
    /// Networks webhooks may reach although they are private, separated by commas: `10.2.0.0/16,127.0.0.1/32`. Plain
    /// `http://` is taken there too.
    pub webhook_allow_networks: String,
    /// Seconds a receiver has to answer.
    pub webhook_timeout_seconds: u64,
    /// Seconds between attempts of a delivery, separated by commas.
    pub webhook_retry_seconds: String,
    /// Requests to one webhook at the same time.
    pub webhook_concurrency: usize,
    /// Days of nothing but failures after which a webhook is disabled.
    pub webhook_disable_days: u32,
    /// How long the log of deliveries is kept, days.
    pub webhook_log_days: u32,
    /// What to log, by the words of the tracing filter: `info`, `warn`, `roundtable_kernel=debug`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: String,
    /// Seconds a stopping server gives to requests under way.
    pub shutdown_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            database_url: "sqlite:roundtable.db".into(),
            database_read_url: String::new(),
            database_connections: 16,
            backup_before_migrating: true,
            listen_url: String::new(),
            bind: "127.0.0.1:8080".into(),
            public_url: String::new(),
            cors_origins: String::new(),
            trusted_proxies: String::new(),
            workers: 0,
            body_bytes: 1 << 20,
            import_bytes: 64 << 20,
            receive_seconds: 20,
            request_seconds: 30,
            access_token_seconds: 15 * 60,
            refresh_token_days: 30,
            invitation_days: 14,
            sign_ins_per_minute: 20,
            reads_per_minute: 0,
            writes_per_minute: 0,
            identity_providers: Vec::new(),
            graphql_depth: 12,
            graphql_fields: 1000,
            graphql_aliases: 50,
            graphql_batch: 10,
            mail_server: String::new(),
            mail_from: String::new(),
            streams_per_account: 20,
            subscriptions_per_socket: 20,
            connection_init_seconds: 10,
            event_days: 0,
            webhook_allow_networks: String::new(),
            webhook_timeout_seconds: 15,
            // Ten attempts over three days.
            webhook_retry_seconds: "5,300,1800,7200,18000,36000,50400,72000,86400".into(),
            webhook_concurrency: 8,
            webhook_disable_days: 5,
            webhook_log_days: 30,
            log: "info,sqlx=warn,sea_orm_migration=warn".into(),
            log_format: "text".into(),
            shutdown_seconds: 30,
        }
    }
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::new(Code::InvalidInput, detail)
}

impl Settings {
    /// Reads the file, when there is one, and the environment over it. Unknown keys are refused.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let mut builder = Config::builder();
        match file {
            Some(path) => builder = builder.add_source(File::from(path).format(FileFormat::Toml)),
            None => builder = builder.add_source(File::new("roundtable.toml", FileFormat::Toml).required(false)),
        }
        // Keys of the test harness stand beside ours in the environment of a test run.
        let ours = std::env::vars()
            .filter(|(name, _)| name.strip_prefix("ROUNDTABLE_").is_some_and(|rest| !rest.starts_with("TEST_")));
        let environment = Environment::with_prefix("ROUNDTABLE").try_parsing(true).source(Some(ours.collect()));
        let settings: Settings = builder
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|error| wrong(format!("the configuration is wrong: {error}")))?;
        settings.check()?;
        Ok(settings)
    }

    /// Refuses what cannot be right, naming the remedy.
    pub fn check(&self) -> Result<()> {
        if !self.database_url.starts_with("sqlite:") && !self.database_url.starts_with("postgres") {
            return Err(wrong("database_url starts with sqlite: or postgres://"));
        }
        let postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
        let replicated = postgres(&self.database_read_url) && postgres(&self.database_url);
        if !self.database_read_url.is_empty() && !replicated {
            return Err(wrong(
                "database_read_url is the postgres:// address of a standby of database_url; SQLite has none",
            ));
        }
        if self.bind.parse::<std::net::SocketAddr>().is_err() {
            return Err(wrong("bind is an address and a port, such as 0.0.0.0:8080"));
        }
        if !self.public_url.is_empty() && !self.public_url.starts_with("http") {
            return Err(wrong("public_url starts with https:// or http://"));
        }
        if !matches!(self.log_format.as_str(), "text" | "json") {
            return Err(wrong("log_format is text or json"));
        }
        if self.mail_server.is_empty() != self.mail_from.is_empty() {
            return Err(wrong("mail_server and mail_from go together; without both no mail is sent"));
        }
        self.mail()?;
        let host = self.mail_server.strip_prefix("smtp://").map(|rest| rest.rsplit('@').next().unwrap_or_default());
        let host = host.map(|host| host.split([':', '/', '?']).next().unwrap_or_default());
        let encrypted = self.mail_server.contains("tls=required");
        if host.is_some_and(|host| !encrypted && !matches!(host, "127.0.0.1" | "localhost")) {
            return Err(wrong("mail_server sends unencrypted; begin it with smtps://, or end it with ?tls=required"));
        }
        self.sending()?;
        if self.database_connections == 0 || self.access_token_seconds == 0 {
            return Err(wrong("database_connections and access_token_seconds are at least 1"));
        }
        if self.receive_seconds == 0 || self.request_seconds == 0 {
            return Err(wrong("receive_seconds and request_seconds are at least 1"));
        }
        if let Some(fault) = self.identity_providers.iter().find_map(IdentityProvider::fault) {
            return Err(wrong(fault));
        }
        let names: HashSet<&str> = self.identity_providers.iter().map(|provider| &*provider.name).collect();
        if names.len() < self.identity_providers.len() {
            return Err(wrong("two identity providers have the same name"));
        }
        Ok(())
    }

    /// Threads that answer requests.
    pub fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            workers => workers,
        }
    }

    /// The file of a SQLite database.
    pub fn database_file(&self) -> Option<&Path> {
        let path = self.database_url.strip_prefix("sqlite:")?;
        Some(Path::new(path.trim_start_matches("//")))
    }

    /// Where a PostgreSQL database is reached past any pooler.
    pub fn direct_url(&self) -> Option<&str> {
        let url = if self.listen_url.is_empty() { &self.database_url } else { &self.listen_url };
        url.starts_with("postgres").then_some(url)
    }

    /// Where clients reach the server, without a slash at its end.
    pub fn public_url(&self) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.bind),
            url => url.into(),
        }
    }

    /// The items of a list separated by commas.
    pub fn listed(&self, text: &str) -> Vec<String> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// The way to the mail server, where there is one.
    pub fn mail(&self) -> Result<Option<Transport>> {
        match self.mail_server.as_str() {
            "" => Ok(None),
            server => Transport::new(server, &self.mail_from).map(Some),
        }
    }

    /// The limits operations work within.
    pub fn limits(&self) -> Limits {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Limits {
            body_bytes: self.body_bytes,
            import_bytes: self.import_bytes,
            receive: Duration::from_secs(self.receive_seconds),
            access_token: Duration::from_secs(self.access_token_seconds),
            refresh_token: days(self.refresh_token_days),
            invitation: days(self.invitation_days),
            sign_ins_per_minute: self.sign_ins_per_minute,
            graphql_depth: self.graphql_depth,
            graphql_fields: self.graphql_fields,
            graphql_aliases: self.graphql_aliases,
            graphql_batch: self.graphql_batch,
            streams_per_account: self.streams_per_account,
            subscriptions_per_socket: self.subscriptions_per_socket,
            connection_init: Duration::from_secs(self.connection_init_seconds),
            events_kept: (self.event_days > 0).then(|| TimeDelta::days(self.event_days.into())),
        }
    }

    /// How webhooks are sent.
    pub fn sending(&self) -> Result<Sending> {
        let networks = self.listed(&self.webhook_allow_networks);
        let pauses = self.listed(&self.webhook_retry_seconds);
        Ok(Sending {
            allowed: networks
                .iter()
                .map(|network| {
                    network.parse().map_err(|_| wrong(format!("webhook_allow_networks: {network} is no network")))
                })
                .collect::<Result<_>>()?,
            timeout: Duration::from_secs(self.webhook_timeout_seconds),
            pauses: pauses
                .iter()
                .map(|pause| pause.parse().map_err(|_| wrong("webhook_retry_seconds holds whole numbers")))
                .collect::<Result<_>>()?,
            at_once: self.webhook_concurrency.max(1),
            disable_after: TimeDelta::days(self.webhook_disable_days.into()),
            log_kept: TimeDelta::days(self.webhook_log_days.into()),
        })
    }
}
