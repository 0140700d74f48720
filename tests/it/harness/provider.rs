//! A small identity provider in the test process, which answers as it is told to, right or wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{Signer, SigningKey};
use roundtable_kernel::identity_provider::IdentityProvider;
use roundtable_server::settings::Settings;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::backend::{App, settings};

/// Own page to come back to.
pub const OWN_PAGE: &str = "http://127.0.0.1:8080/sign-ins/callback";
/// A front end's.
pub const FRONT_END: &str = "https://front.example.org/signed-in";

/// How an ID token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    Well,
    Not,
    ByAnotherKey,
    WithTheClientsSecret,
    WithThePublicKey,
}

/// What the next ID token is like.
#[derive(Clone, Debug)]
pub struct Forge {
    pub claims: Value,
    pub header: Value,
    pub signed: Signed,
    /// Whether an ID token comes at all.
    pub comes: bool,
    /// The issuer the discovery document names.
    pub issuer: Option<String>,
}

impl Default for Forge {
    fn default() -> Self {
        Self { claims: json!({}), header: json!({}), signed: Signed::Well, comes: true, issuer: None }
    }
}

struct State {
    issuer: String,
    key: SigningKey,
    kid: String,
    /// Codes that are out: what the way there said, and who signed in.
    codes: HashMap<String, (HashMap<String, String>, String)>,
    forge: Forge,
    names_itself: bool,
    exchanged: usize,
}

/// The provider.
#[derive(Clone)]
pub struct Provider {
    pub issuer: String,
    state: Arc<Mutex<State>>,
}

fn json_answer(value: &Value) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(value.to_string())
}

fn query(text: &str) -> HashMap<String, String> {
    web::Query::<HashMap<String, String>>::from_query(text).unwrap().into_inner()
}

impl State {
    fn discovery(&self) -> Value {
        let at = &self.issuer;
        json!({
            "issuer": self.forge.issuer.as_ref().unwrap_or(at), "authorization_endpoint": format!("{at}/authorize"),
            "token_endpoint": format!("{at}/token"), "jwks_uri": format!("{at}/jwks"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "authorization_response_iss_parameter_supported": self.names_itself,
        })
    }

    fn public(&self) -> String {
        BASE64.encode(self.key.verifying_key().as_bytes())
    }

    fn keys(&self) -> Value {
        json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": self.public(),
        }] })
    }

    fn exchange(&mut self, request: &HttpRequest, form: &HashMap<String, String>) -> HttpResponse {
        let refused = |why: &str| {
            let body = json!({ "error": "invalid_grant", "error_description": why });
            HttpResponse::BadRequest().content_type("application/json").body(body.to_string())
        };
        self.exchanged += 1;
        let basic = format!("Basic {}", STANDARD.encode("roundtable:hush"));
        if request.headers().get("authorization").and_then(|value| value.to_str().ok()) != Some(&basic) {
            return refused("client");
        }
        let Some((asked, subject)) = self.codes.remove(&form["code"]) else { return refused("code") };
        let challenge = BASE64.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        if asked["code_challenge"] != challenge || asked["code_challenge_method"] != "S256" {
            return refused("verifier");
        }
        if asked["redirect_uri"] != form["redirect_uri"] {
            return refused("redirect_uri");
        }
        let mut answer = json!({ "access_token": "theirs", "token_type": "Bearer", "expires_in": 60 });
        if self.forge.comes {
            answer["id_token"] = json!(self.id_token(&asked["nonce"], &subject));
        }
        json_answer(&answer)
    }

    fn id_token(&self, nonce: &str, subject: &str) -> String {
        let now = chrono::Utc::now().timestamp();
        let mut claims = json!({
            "iss": self.issuer, "aud": "roundtable", "sub": subject, "iat": now, "exp": now + 60, "nonce": nonce,
            "name": "Ana Ruiz", "email": "ana@example.org", "email_verified": true,
        });
        let mut header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.kid });
        for (of, changes) in [(&mut claims, &self.forge.claims), (&mut header, &self.forge.header)] {
            for (name, value) in changes.as_object().unwrap() {
                match value {
                    Value::Null => {
                        of.as_object_mut().unwrap().shift_remove(name);
                    }
                    value => of[name] = value.clone(),
                }
            }
        }
        let symmetric = |secret: &[u8]| {
            let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
            header.kid = Some(self.kid.clone());
            jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
        };
        let said = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        match self.forge.signed {
            Signed::Well => format!("{said}.{}", BASE64.encode(self.key.sign(said.as_bytes()).to_bytes())),
            Signed::ByAnotherKey => {
                let other = SigningKey::from_bytes(&[9; 32]);
                format!("{said}.{}", BASE64.encode(other.sign(said.as_bytes()).to_bytes()))
            }
            Signed::Not => format!("{said}."),
            Signed::WithTheClientsSecret => symmetric(b"hush"),
            Signed::WithThePublicKey => symmetric(self.key.verifying_key().as_bytes()),
        }
    }
}

impl Provider {
    /// Starts one on a free port; it ends with the test.
    pub fn start() -> Provider {
        let state = Arc::new(Mutex::new(State {
            issuer: String::new(),
            key: SigningKey::from_bytes(&[7; 32]),
            kid: "first".into(),
            codes: HashMap::new(),
            forge: Forge::default(),
            names_itself: false,
            exchanged: 0,
        }));
        let shared = state.clone();
        let server = HttpServer::new(move || {
            let (discovery, keys, token) = (shared.clone(), shared.clone(), shared.clone());
            ActixApp::new()
                .route(
                    "/.well-known/openid-configuration",
                    web::get().to(move || {
                        let answer = json_answer(&discovery.lock().unwrap().discovery());
                        async move { answer }
                    }),
                )
                .route(
                    "/jwks",
                    web::get().to(move || {
                        let answer = json_answer(&keys.lock().unwrap().keys());
                        async move { answer }
                    }),
                )
                .route(
                    "/token",
                    web::post().to(move |request: HttpRequest, form: web::Form<HashMap<String, String>>| {
                        let answer = token.lock().unwrap().exchange(&request, &form);
                        async move { answer }
                    }),
                )
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", server.addrs()[0]);
        state.lock().unwrap().issuer = issuer.clone();
        actix_web::rt::spawn(server.run());
        Provider { issuer, state }
    }

    /// As the settings name it.
    pub fn settings(&self, name: &str) -> IdentityProvider {
        serde_json::from_value(json!({
            "name": name, "issuer": self.issuer, "client_id": "roundtable", "client_secret": "hush",
            "redirect_uris": [FRONT_END],
        }))
        .unwrap()
    }

    /// Somebody signs in where the address leads: the code and state the browser is sent back with.
    pub fn authorize(&self, address: &str, subject: &str) -> (String, String) {
        let (place, asked) = address.split_once('?').unwrap();
        assert_eq!(place, format!("{}/authorize", self.issuer));
        let asked = query(asked);
        assert_eq!((&*asked["response_type"], &*asked["client_id"]), ("code", "roundtable"));
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{}", asked["scope"]);
        let state = asked["state"].clone();
        let code = format!("code-{}", uuid::Uuid::now_v7());
        self.state.lock().unwrap().codes.insert(code.clone(), (asked, subject.into()));
        (code, state)
    }

    pub fn forge(&self, forge: Forge) {
        self.state.lock().unwrap().forge = forge;
    }

    pub fn names_itself(&self) {
        self.state.lock().unwrap().names_itself = true;
    }

    /// Signs with another key from now on.
    pub fn rotate(&self) {
        let mut state = self.state.lock().unwrap();
        (state.key, state.kid) = (SigningKey::from_bytes(&[8; 32]), "second".into());
    }

    /// How often a code was exchanged, or tried to be.
    pub fn exchanged(&self) -> usize {
        self.state.lock().unwrap().exchanged
    }
}

/// A server over the same database, with these providers.
pub async fn with_providers(app: &App, providers: Vec<IdentityProvider>) -> App {
    let settings = Settings { identity_providers: providers, ..settings(&app.url) };
    App::over(roundtable_server::assemble(app.server.app.store.clone(), &settings).await.unwrap(), app)
}
