//! Talking to identity providers: discovery, the way there, the exchange of the code, the check of the ID token.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreGrantType, CoreIdTokenClaims, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, TokenResponse,
};
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::identity_provider::IdentityProvider;
use roundtable_kernel::token::fingerprint;
use serde::{Deserialize, Serialize};

/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer of a provider.
const LARGEST: usize = 1 << 20;
/// How long what a provider says of itself is believed.
const KEPT: Duration = Duration::from_secs(3600);
/// How soon it is asked again when a token names a key that is not known.
const AGAIN: Duration = Duration::from_secs(10);

/// Algorithms of ID tokens: signed with the provider's private key and nothing else.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What providers say of themselves beyond OpenID Connect Discovery (RFC 9207).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Beyond {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Beyond {}

type Metadata = ProviderMetadata<
    Beyond,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

#[derive(Debug)]
struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

fn unreachable(error: impl std::fmt::Display) -> Unreachable {
    Unreachable(error.to_string())
}

/// What belongs to one sign-in, made from its handle: whoever lacks the handle has none of it.
pub(crate) struct Bound {
    pub(crate) state: String,
    nonce: String,
    verifier: String,
}

impl Bound {
    pub(crate) fn to(handle: &str) -> Self {
        let made = |what: &str| fingerprint(&format!("{what}|{handle}"));
        Self { state: made("state"), nonce: made("nonce"), verifier: made("verifier") }
    }
}

/// Who signed in at a provider.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
}

/// What a browser was sent back with.
#[derive(Clone, Debug)]
pub(crate) struct SentBack {
    pub(crate) code: String,
    pub(crate) issuer: Option<String>,
    pub(crate) redirect_uri: String,
}

/// What providers said of themselves, by issuer.
#[derive(Default)]
pub(crate) struct Providers {
    known: RwLock<HashMap<String, (Instant, Arc<Metadata>)>>,
}

fn failed(provider: &IdentityProvider, error: impl std::fmt::Display) -> Error {
    tracing::warn!(provider = provider.name, %error, "an identity provider did not answer as it should");
    Code::ProviderUnavailable.into()
}

fn refused(provider: &IdentityProvider, why: impl std::fmt::Display) -> Error {
    tracing::warn!(provider = provider.name, %why, "a sign-in at an identity provider was refused");
    Code::SignInFailed.into()
}

fn http() -> Result<reqwest::Client> {
    // A redirect could lead a request with the client's secret anywhere.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    client.map_err(Error::internal)
}

async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
    let request = reqwest::Request::try_from(request).map_err(unreachable)?;
    let response = http.execute(request).await.map_err(unreachable)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(unreachable)?);
        if body.len() > LARGEST {
            return Err(Unreachable(format!("the answer has more than {LARGEST} bytes")));
        }
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

impl Providers {
    /// What the provider says of itself, not older than this.
    async fn metadata(&self, provider: &IdentityProvider, oldest: Duration) -> Result<Arc<Metadata>> {
        if let Ok(known) = self.known.read()
            && let Some((since, metadata)) = known.get(&provider.issuer)
            && since.elapsed() < oldest
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(Error::internal)?;
        let client = http()?;
        let fetch = |request| fetch(client.clone(), request);
        let metadata = Metadata::discover_async(issuer, &fetch).await.map_err(|error| failed(provider, error))?;
        let metadata = Arc::new(metadata);
        if let Ok(mut known) = self.known.write() {
            known.insert(provider.issuer.clone(), (Instant::now(), metadata.clone()));
        }
        Ok(metadata)
    }

    /// Where to send the browser.
    pub(crate) async fn way_to(
        &self,
        provider: &IdentityProvider,
        redirect_uri: &str,
        bound: &Bound,
    ) -> Result<String> {
        let metadata = self.metadata(provider, KEPT).await?;
        let redirect = RedirectUrl::new(redirect_uri.into()).map_err(Error::internal)?;
        let client =
            CoreClient::from_provider_metadata((*metadata).clone(), ClientId::new(provider.client_id.clone()), None)
                .set_redirect_uri(redirect);
        let verifier = PkceCodeVerifier::new(bound.verifier.clone());
        let (state, nonce) = (bound.state.clone(), bound.nonce.clone());
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state.clone()),
            move || Nonce::new(nonce.clone()),
        );
        // The library asks for openid by itself.
        for scope in provider.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, ..) = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier)).url();
        Ok(url.into())
    }

    /// Who signed in: exchanges the code and checks the ID token.
    pub(crate) async fn identify(
        &self,
        provider: &IdentityProvider,
        sent_back: SentBack,
        bound: Bound,
    ) -> Result<Identity> {
        let metadata = self.metadata(provider, KEPT).await?;
        let names_itself = metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match &sent_back.issuer {
            Some(issuer) if *issuer != provider.issuer => return Err(refused(provider, "another issuer answered")),
            None if names_itself => return Err(refused(provider, "the answer does not name its issuer")),
            _ => {}
        }
        let secret = provider.client_secret.as_ref().map(|secret| ClientSecret::new(secret.0.clone()));
        let id = ClientId::new(provider.client_id.clone());
        let redirect = RedirectUrl::new(sent_back.redirect_uri).map_err(Error::internal)?;
        let client = CoreClient::from_provider_metadata((*metadata).clone(), id.clone(), secret.clone())
            .set_redirect_uri(redirect)
            .set_auth_type(authentication(&metadata));
        let http = http()?;
        let fetch = |request| fetch(http.clone(), request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(sent_back.code))
            .map_err(|error| failed(provider, error))?
            .set_pkce_verifier(PkceCodeVerifier::new(bound.verifier))
            .request_async(&fetch)
            .await;
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(openidconnect::RequestTokenError::ServerResponse(error)) => return Err(refused(provider, error)),
            Err(error) => return Err(failed(provider, error)),
        };
        let token = tokens.id_token().ok_or_else(|| refused(provider, "no ID token came"))?;
        let nonce = Nonce::new(bound.nonce);
        let verified = |metadata: &Metadata| -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
            let client = CoreClient::from_provider_metadata(metadata.clone(), id.clone(), secret.clone());
            let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
            let claims = token.claims(&verifier, &nonce)?;
            if let Some(expected) = claims.access_token_hash() {
                let (algorithm, key) = (token.signing_alg(), token.signing_key(&verifier));
                let actual = AccessTokenHash::from_token(
                    tokens.access_token(),
                    algorithm.map_err(|error| ClaimsVerificationError::Other(error.to_string()))?,
                    key.map_err(ClaimsVerificationError::SignatureVerification)?,
                );
                let actual = actual.map_err(|error| ClaimsVerificationError::Other(error.to_string()))?;
                if actual != *expected {
                    return Err(ClaimsVerificationError::Other("at_hash is of another access token".into()));
                }
            }
            Ok(claims.clone())
        };
        let claims = match verified(&metadata) {
            // The provider may have changed its keys.
            Err(ClaimsVerificationError::SignatureVerification(_)) => verified(&*self.metadata(provider, AGAIN).await?),
            outcome => outcome,
        };
        let claims = claims.map_err(|error| refused(provider, error))?;
        let mine = |party: &ClientId| **party == provider.client_id;
        match claims.authorized_party() {
            Some(party) if !mine(party) => return Err(refused(provider, "azp is another client")),
            None if claims.audiences().len() > 1 => return Err(refused(provider, "several audiences and no azp")),
            _ => {}
        }
        let subject = claims.subject().to_string();
        if subject.is_empty() || subject.len() > 255 {
            return Err(refused(provider, "the subject is empty or too long"));
        }
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        Ok(Identity {
            provider: provider.name.clone(),
            issuer: provider.issuer.clone(),
            subject,
            name: name.filter(|name| !name.trim().is_empty() && name.chars().count() <= 200),
        })
    }
}

/// How this server authenticates at the token endpoint: by Basic, unless the provider takes it in the form only.
fn authentication(metadata: &Metadata) -> AuthType {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
    if basic { AuthType::BasicAuth } else { AuthType::RequestBody }
}
