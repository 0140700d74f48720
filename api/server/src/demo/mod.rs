//! `roundtable demo`: a living partnership to try, with a login for each role. Everyone and everything in it is made up,
//! and everything is made through the operations themselves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use roundtable_entity::account;
use roundtable_kernel::error::{Code, Error, Result};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Map, Value, json};

use crate::settings::Settings;
use crate::{assemble, connect, migrate, serve};

mod story;

/// How to run the demonstration.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Port to listen on; any free one when 0.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder to keep the database in; a temporary one when absent.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Empty database to use in place of a file in that folder, such as `postgres://USER@HOST/NAME`.
    #[arg(long, conflicts_with = "folder")]
    database: Option<String>,
    /// Write addresses, logins and tokens to this file, JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A login of the demonstration.
pub struct Login {
    /// Role it shows.
    pub role: &'static str,
    /// Name to sign in with: an address, or a client id.
    pub email: String,
    /// Password, or client secret.
    pub password: String,
    /// A token that works right away.
    pub access_token: String,
    /// The partnership it acts at; none for the operator.
    pub partnership_id: Option<uuid::Uuid>,
}

/// Builds the partnership, prints how to try it, and serves.
pub async fn run(options: Options) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("roundtable-demo-").tempdir().map_err(Error::internal)?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).map_err(Error::internal)?;
    let file = folder.join("roundtable.db");
    if file.exists() {
        let detail = format!("{} is there already; name another folder", file.display());
        return Err(Error::new(Code::AlreadyExists, detail));
    }
    let url = options.database.clone().unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let settings = settings(url, port(options.port)?);
    let store = connect(&settings).await?;
    migrate(&store).await?;
    if account::Entity::find().count(store.read()).await? > 0 {
        return Err(Error::new(Code::AlreadyExists, "the database holds accounts already; name an empty one"));
    }
    let server = assemble(store, &settings).await?;
    let logins = story::tell(&server.app).await?;
    let base = settings.public_url();
    let json_file = options.json.clone();
    serve::listen(server, &settings, move |_| {
        // Only once it listens is it true that it can be tried.
        if let Some(path) = &json_file
            && let Err(error) = write_json(path, &base, &logins)
        {
            let _ = writeln!(std::io::stderr(), "roundtable: {} could not be written: {error}", path.display());
        }
        print(&base, &logins);
    })
    .await
}

fn port(asked: u16) -> Result<u16> {
    if asked != 0 {
        return Ok(asked);
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.map(|address| address.port()).map_err(Error::internal)
}

fn settings(database_url: String, port: u16) -> Settings {
    Settings {
        database_url,
        database_connections: 4,
        bind: format!("127.0.0.1:{port}"),
        // Long enough for an afternoon's trying.
        access_token_seconds: Duration::from_secs(12 * 3600).as_secs(),
        sign_ins_per_minute: 600,
        // A receiver to try webhooks with runs on the same machine.
        webhook_allow_networks: "127.0.0.0/8,::1/128".into(),
        shutdown_seconds: 5,
        ..Settings::default()
    }
}

fn write_json(path: &Path, base: &str, logins: &[Login]) -> std::io::Result<()> {
    let mut roles = Map::new();
    for login in logins {
        roles.insert(
            login.role.into(),
            json!({
                "email": login.email,
                "password": login.password,
                "access_token": login.access_token,
                "partnership_id": login.partnership_id,
            }),
        );
    }
    let text = serde_json::to_string_pretty(&json!({ "base_url": base, "roles": Value::Object(roles) }))?;
    std::fs::write(path, text + "\n")
}

fn print(base: &str, logins: &[Login]) {
    let mut out = std::io::stdout().lock();
    let mut text = String::from("\nA partnership to try. Everybody in it is made up.\n\n");
    let width = logins.iter().map(|login| login.email.len()).max().unwrap_or_default();
    text += &format!("{:<13} {:<width$}  {}\n", "role", "sign in as", "password");
    for login in logins {
        text += &format!("{:<13} {:<width$}  {}\n", login.role, login.email, login.password);
    }
    text += "\nTokens that work for the next hours:\n\n";
    for login in logins {
        text += &format!("{}={}\n", login.role.to_uppercase(), login.access_token);
    }
    text += &format!(
        "\nREST pages     {base}/docs/\nGraphQL pages  {base}/graphiql\nDocuments      {base}/openapi.json  {base}/schema.graphql\n\
         Who may what   {base}/access\n\n"
    );
    if let Some(employer) = logins.iter().find(|login| login.role == "employer") {
        text += &format!(
            "Try:\n  curl -s '{base}/v1/meetings?sort=-startsAt&expand=agendaItems' -H 'Authorization: Bearer {}'\n\n",
            employer.access_token
        );
    }
    text += "Stop with Ctrl-C.\n";
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
