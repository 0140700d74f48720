//! Listening, and stopping in order.

use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::{Compress, DefaultHeaders, Next, from_fn};
use actix_web::{App as ActixApp, HttpServer};
use chrono::TimeDelta;
use roundtable_entity::{Via, idempotency_key, partnership, provider_sign_in, refresh_token, revoked_token, session};
use roundtable_events::sending::Sender;
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::standing::{Caller, Standing};
use roundtable_kernel::{hub, order};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
#[cfg(target_os = "linux")]
use socket2::SockFilter;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::sync::watch;

use crate::deadline::{self, Deadline};
use crate::settings::Settings;
use crate::{Server, observe};

/// Most connections that wait until they are taken in.
const WAITING: i32 = 2048;
/// How long those who came in last have to be taken in and to say what they want, and those who were here before to leave with
/// their next answer.
const LEAVE: Duration = Duration::from_millis(500);

/// Listens until it is told to stop (SIGTERM, SIGINT), then finishes what is under way.
pub async fn listen(server: Server, settings: &Settings, listening: impl FnOnce(SocketAddr)) -> Result<()> {
    observe::begin();
    let signalled = signalled();
    let counted = actix_web::rt::spawn(observe::sum_up());
    let house = actix_web::rt::spawn(crate::keep_house(server.app.clone()));
    let mail = settings.mail()?.map(|way| actix_web::rt::spawn(roundtable_mail::deliver(server.app.clone(), way)));
    let followed = actix_web::rt::spawn(hub::follow(server.app.clone()));
    let heard = settings.direct_url().map(|url| actix_web::rt::spawn(hub::listen(server.app.clone(), url.to_owned())));
    let sending = Sender::new(&server.app, settings.sending()?)?.start();
    let app = server.app.clone();
    let origins = settings.listed(&settings.cors_origins);
    let deadline = Deadline::new(&app.operations, Duration::from_secs(settings.request_seconds));
    let patience = Duration::from_secs(settings.shutdown_seconds);
    let shut = Arc::new(watch::channel(false).0);
    let shutting = shut.clone();
    let mut http = HttpServer::new(move || {
        let server = server.clone();
        actix_web::rt::spawn(take_in_the_last(shutting.subscribe()));
        ActixApp::new()
            .app_data(deadline.clone())
            .app_data(Shut(shutting.clone()))
            .wrap(from_fn(deadline::keep))
            .wrap(from_fn(part))
            .wrap(cors(&origins))
            .wrap(Compress::default())
            .wrap(from_fn(observe::count))
            // No answer is taken for another kind of file than it says it is.
            .wrap(DefaultHeaders::new().add(("x-content-type-options", "nosniff")))
            .configure(move |config| server.configure(config))
    })
    .workers(settings.workers())
    // An answer in several parts would wait for the client to acknowledge the first, which clients put off.
    .tcp_nodelay(true)
    // Streams end first; otherwise a stopping server would wait for them.
    .disable_signals()
    .shutdown_timeout(settings.shutdown_seconds)
    .client_request_timeout(Duration::from_secs(settings.receive_seconds))
    .client_disconnect_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(75));
    let unheard = |error| Error::internal(format!("cannot listen on {}: {error}", settings.bind));
    let doors = doors(&settings.bind).map_err(unheard)?;
    for door in &doors {
        http = http.listen(door.try_clone().map_err(unheard)?).map_err(unheard)?;
    }
    if let Some(address) = http.addrs().first() {
        listening(*address);
    }
    let running = http.run();
    let handle = running.handle();
    let told = app.clone();
    let signals = actix_web::rt::spawn(async move {
        let mut stopping = told.hub.stopping();
        tokio::select! {
            () = signalled => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        // Nobody is sent away before the doors are shut, or they would come back and stand before them.
        hold_off(&doors);
        shut.send_replace(true);
        let taken_in = tokio::time::timeout(patience, shut.closed()).await;
        handle.pause().await;
        for door in &doors {
            if let Err(error) = SockRef::from(door).shutdown(Shutdown::Both) {
                tracing::warn!(%error, "the server still listens while it stops");
            }
        }
        if taken_in.is_err() {
            tracing::warn!("a worker is too busy to take in who came last");
        }
        told.hub.stop();
        handle.stop(true).await;
    });
    let outcome = running.await.map_err(Error::internal);
    app.hub.stop();
    signals.abort();
    house.abort();
    counted.abort();
    mail.inspect(|mail| mail.abort());
    sending.stopped().await;
    followed.abort();
    if let Some(heard) = heard {
        heard.abort();
    }
    outcome
}

/// Sockets that listen at every address of this name where one can. They are kept besides what serves them, so that they
/// can be shut before the rest stops.
fn doors(bind: &str) -> io::Result<Vec<TcpListener>> {
    let open = |address: SocketAddr| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Taken up again at once by the next server; on Windows the option means something else.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(WAITING)?;
        Ok(TcpListener::from(socket))
    };
    let (open, mut failed): (Vec<_>, Vec<_>) = bind.to_socket_addrs()?.map(open).partition(Result::is_ok);
    match failed.pop() {
        Some(Err(error)) if open.is_empty() => Err(error),
        _ => open.into_iter().collect(),
    }
}

/// Lets nobody begin to connect any more, while those who have are still taken in: what shuts a socket resets those who
/// wait at it. Whoever knocks meanwhile is refused when the door is shut.
fn hold_off(doors: &[TcpListener]) {
    #[cfg(target_os = "linux")]
    for door in doors {
        /// The instruction of a packet filter (BPF) that returns a number; how much of a packet is let through is 0.
        const NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);
        if let Err(error) = SockRef::from(door).attach_filter(&[NOTHING]) {
            tracing::warn!(%error, "who connects while the server stops may be reset");
        }
    }
}

/// Whether the doors are shut.
struct Shut(Arc<watch::Sender<bool>>);

/// Once the doors are shut, each answer ends its connection. One that is only closed may be just then asked something on,
/// and who asked could not know whether it was heard.
async fn part(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut answered = next.call(request).await?;
    if answered.request().app_data::<Shut>().is_some_and(|shut| *shut.0.borrow()) {
        answered.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(answered)
}

/// Stays with a worker until those who came in last were taken in and could say what they want.
async fn take_in_the_last(mut shut: watch::Receiver<bool>) {
    if shut.wait_for(|shut| *shut).await.is_ok() {
        tokio::time::sleep(LEAVE).await;
    }
}

/// SIGTERM or SIGINT, which are caught from this call on: whoever is told where the server listens may stop it.
fn signalled() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let caught = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate()).and_then(|ends| Ok((ends, signal(SignalKind::interrupt())?)))
    };
    async move {
        #[cfg(unix)]
        match caught {
            Ok((mut terminated, mut interrupted)) => {
                tokio::select! {
                    _ = terminated.recv() => {}
                    _ = interrupted.recv() => {}
                }
                return;
            }
            Err(error) => tracing::warn!(%error, "SIGTERM cannot be waited for"),
        }
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "SIGINT cannot be waited for");
            std::future::pending::<()>().await;
        }
    }
}

/// Which front ends in browsers may call: those named, with their token in a header and never by cookie.
fn cors(origins: &[String]) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allow_any_header()
        .expose_headers([
            "ETag",
            "Link",
            "Location",
            "Request-Id",
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "Deprecation",
            "Sunset",
        ])
        .max_age(3600);
    for origin in origins {
        cors = if origin == "*" { cors.allow_any_origin() } else { cors.allowed_origin(origin) };
    }
    cors
}

/// A view for what the server does by itself at a partnership: the intermediary's, never more.
pub fn own_ctx(app: &Arc<App>, partnership_id: uuid::Uuid, via: Via) -> Ctx {
    let standing = Standing::intermediary(partnership_id);
    Ctx::new(app.clone(), Arc::new(Caller::System(standing)), via, Arc::from(uuid::Uuid::now_v7().to_string()))
}

/// Does what falls due at each partnership, and forgets answers and refresh tokens past their time.
pub async fn sweep(app: &Arc<App>) -> Result<()> {
    let open =
        partnership::Entity::find().filter(partnership::Column::ArchivedAt.is_null()).all(app.store.read()).await?;
    for partnership in open {
        app.operations.tend_to(&own_ctx(app, partnership.id, Via::System), partnership.id).await;
    }
    roundtable_mail::forget(app).await?;
    if let Some(kept) = app.limits.events_kept {
        order::forget(&app.store, app.clock.now() - kept).await?;
    }
    app.store
        .write(true, |tx| async move {
            let now = chrono::Utc::now();
            idempotency_key::Entity::delete_many()
                .filter(idempotency_key::Column::CreatedAt.lt(now - TimeDelta::hours(48)))
                .exec(&*tx)
                .await?;
            refresh_token::Entity::delete_many()
                .filter(refresh_token::Column::ExpiresAt.lt(now - TimeDelta::days(1)))
                .exec(&*tx)
                .await?;
            session::Entity::delete_many()
                .filter(session::Column::ExpiresAt.lt(now - TimeDelta::days(1)))
                .exec(&*tx)
                .await?;
            revoked_token::Entity::delete_many()
                .filter(revoked_token::Column::ExpiresAt.lt(now - TimeDelta::hours(1)))
                .exec(&*tx)
                .await?;
            provider_sign_in::Entity::delete_many()
                .filter(provider_sign_in::Column::ExpiresAt.lt(now - TimeDelta::hours(1)))
                .exec(&*tx)
                .await?;
            Ok(())
        })
        .await
}
