//! What an operation is given: who asks, the database, the clock, the id source.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use ipnet::IpNet;
use roundtable_entity::{Record, Timestamp, Via, event};
use sea_orm::{DbBackend, IdenStatic, QueryTrait, Select, Statement, Value as SqlValue, Values};
use uuid::Uuid;

use crate::access::{Permit, permit};
use crate::attempts::Attempts;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::hub::{self, Hub};
use crate::identity_provider::IdentityProvider;
use crate::op::Op;
use crate::operation::Operations;
use crate::pool::Reading;
use crate::principal::Principals;
use crate::rate::{Rates, Tally};
use crate::scope::Scoped;
use crate::seal::Seals;
use crate::sealer::Sealer;
use crate::standing::{Caller, Principal, Role, Standing};
use crate::store::{self, Store, Tx};
use crate::token::Keys;

/// Columns that are written with an event; the rest are the database's.
const EVENT: [event::Column; 14] = [
    event::Column::Id,
    event::Column::PartnershipId,
    event::Column::Kind,
    event::Column::RecordType,
    event::Column::RecordId,
    event::Column::RecordVersion,
    event::Column::ChangedFields,
    event::Column::Operation,
    event::Column::ActorId,
    event::Column::ActorOrganizationId,
    event::Column::ActorRole,
    event::Column::Via,
    event::Column::RequestId,
    event::Column::HappenedAt,
];

/// The head of the statement that writes one.
static INTO_EVENT: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO event ({})", EVENT.map(|column| column.as_str()).join(", ")));

/// Places for the values of one, after so many.
fn event_places(before: usize) -> String {
    (1..=EVENT.len()).map(|place| format!("${}", before + place)).collect::<Vec<_>>().join(", ")
}

/// Numbers that bound what callers may ask.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Largest file to import, bytes.
    pub import_bytes: usize,
    /// How long a body may take to come in.
    pub receive: Duration,
    /// Deepest GraphQL selection.
    pub graphql_depth: usize,
    /// Most fields of a GraphQL document, fragments expanded.
    pub graphql_fields: usize,
    /// Most aliases of one field.
    pub graphql_aliases: usize,
    /// Most GraphQL requests in one batch.
    pub graphql_batch: usize,
    /// How long an access token lasts.
    pub access_token: Duration,
    /// How long a refresh token lasts.
    pub refresh_token: Duration,
    /// How long an invitation lasts.
    pub invitation: Duration,
    /// Failed sign-ins a minute, by account and by address.
    pub sign_ins_per_minute: u32,
    /// Most streams and sockets an account has open.
    pub streams_per_account: usize,
    /// Most subscriptions on one socket.
    pub subscriptions_per_socket: usize,
    /// How long a socket may be open before it says who it is.
    pub connection_init: Duration,
    /// How long events are kept; for ever when absent.
    pub events_kept: Option<TimeDelta>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            import_bytes: 64 << 20,
            receive: Duration::from_secs(20),
            graphql_depth: 12,
            graphql_fields: 1000,
            graphql_aliases: 50,
            graphql_batch: 10,
            access_token: Duration::from_secs(15 * 60),
            refresh_token: Duration::from_secs(30 * 24 * 3600),
            invitation: Duration::from_secs(14 * 24 * 3600),
            sign_ins_per_minute: 20,
            streams_per_account: 20,
            subscriptions_per_socket: 20,
            connection_init: Duration::from_secs(10),
            events_kept: None,
        }
    }
}

/// The running server.
pub struct App {
    /// The database.
    pub store: Store,
    /// Keys that sign and verify tokens.
    pub keys: Keys,
    /// Who is who, kept for a second.
    pub principals: Principals,
    /// Every operation.
    pub operations: Arc<Operations>,
    /// What time it is.
    pub clock: Clock,
    /// Where anything is kept for the bargaining table.
    pub seals: Seals,
    /// Failed sign-ins.
    pub attempts: Attempts,
    /// How often somebody may ask.
    pub rates: Rates,
    /// Limits.
    pub limits: Limits,
    /// Who waits for what happens.
    pub hub: Hub,
    /// Seals cursors.
    pub sealer: Sealer,
    /// Private networks that webhooks may reach.
    pub webhook_networks: Vec<IpNet>,
    /// Origins of front ends in browsers that may open sockets; `*` for any.
    pub origins: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// Where people may sign in beside here.
    pub identity_providers: Vec<IdentityProvider>,
    /// The address under which clients reach the server, without a slash at its end.
    pub public_url: String,
    /// The address mail is sent from; without it none is.
    pub mail_from: Option<String>,
}

/// One request's view of the server.
#[derive(Clone)]
pub struct Ctx {
    /// The server.
    pub app: Arc<App>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// By which way.
    pub via: Via,
    /// Id of the request.
    pub request_id: Arc<str>,
    /// Address of the client, where the door knows it.
    pub address: Arc<str>,
    /// The session the request belongs to; absent for systems.
    pub session: Option<Uuid>,
    /// The operation asked for, as the audit trail names it.
    pub operation: Op,
    /// Everything is checked and nothing kept.
    pub validate_only: bool,
    tally: Option<Arc<Tally>>,
    tx: Option<Tx>,
    at_replica: bool,
    standings_changed: Arc<AtomicBool>,
    seals_changed: Arc<AtomicBool>,
}

impl Ctx {
    /// A view for this caller.
    pub fn new(app: Arc<App>, caller: Arc<Caller>, via: Via, request_id: Arc<str>) -> Self {
        Self {
            tally: app.rates.limit_anything().then(Arc::default),
            app,
            caller,
            via,
            request_id,
            address: Arc::from(""),
            session: None,
            operation: Op::GetMe,
            validate_only: false,
            tx: None,
            at_replica: false,
            standings_changed: Arc::default(),
            seals_changed: Arc::default(),
        }
    }

    /// The same, for another operation.
    pub fn for_operation(&self, operation: Op) -> Self {
        Self { operation, ..self.clone() }
    }

    /// The same, for another caller.
    pub fn acting(&self, caller: Caller) -> Self {
        Self { caller: Arc::new(caller), ..self.clone() }
    }

    /// The same, by another way.
    pub fn by(&self, via: Via) -> Self {
        Self { via, ..self.clone() }
    }

    /// Counts an operation of somebody outside, and refuses it when there were too many.
    pub fn count(&self, writes: bool) -> Result<()> {
        match &self.tally {
            Some(tally) if matches!(self.via, Via::Rest | Via::Graphql) => {
                self.app.rates.count(&self.caller, &self.address, writes, tally)
            }
            _ => Ok(()),
        }
    }

    /// What this request has spent of the limits; nothing where there are none.
    pub fn tally(&self) -> Option<&Tally> {
        self.tally.as_deref()
    }

    /// Now, to the microsecond.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Today, UTC.
    pub fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    /// A new id, ordered by time.
    pub fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// Where answers are read: in the transaction when there is one.
    pub fn read(&self) -> Reading<'_> {
        match (&self.tx, self.app.store.replica()) {
            (Some(tx), _) => Reading::Transaction(tx),
            (None, Some(replica)) if self.at_replica => Reading::Pool(replica.connection()),
            _ => Reading::Pool(self.app.store.read()),
        }
    }

    /// Rows of a record: as the transaction sees them when there is one.
    pub async fn rows<R: Record>(&self, select: &Select<R::Entity>) -> Result<Vec<R>> {
        match self.read() {
            Reading::Pool(pool) => pool.rows(select).await,
            Reading::Transaction(tx) => tx.records(&select.build(self.app.store.backend())).await,
        }
    }

    /// The same, in a transaction that goes on to change them at the version they have now, and at no other.
    pub(crate) async fn look<R: Record>(&self, select: &Select<R::Entity>) -> Result<Vec<R>> {
        self.tx()?.look(&select.build(self.app.store.backend())).await
    }

    /// The transaction, for what only happens in one.
    pub(crate) fn tx(&self) -> Result<&Tx> {
        self.tx.as_ref().ok_or_else(|| Error::internal("this is done within a transaction"))
    }

    /// Answers at the read replica, where there is one that has all that was committed before; else, or when that fails,
    /// at the primary.
    pub async fn answer<T, F, Fut>(&self, ask: F) -> Result<T>
    where
        F: Fn(Ctx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let Some(replica) = self.app.store.replica().filter(|_| self.tx.is_none()) else {
            return ask(self.clone()).await;
        };
        if replica.is_current().await {
            match ask(Ctx { at_replica: true, ..self.clone() }).await {
                // What the replica cannot, the primary may: it is gone, or had to end the question to replay what came.
                Err(error) if error.source.is_some() => {
                    tracing::debug!(%error, "the read replica failed; the primary is asked");
                    replica.rest();
                }
                done => {
                    metrics::counter!("roundtable_reads_total", "at" => "replica").increment(1);
                    return done;
                }
            }
        }
        metrics::counter!("roundtable_reads_total", "at" => "primary").increment(1);
        ask(Ctx { at_replica: false, ..self.clone() }).await
    }

    /// Runs `work` in a transaction, or in the one already begun. It may run more than once.
    pub async fn write<T, F, Fut>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Ctx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        if self.tx.is_some() {
            return work(self.clone()).await;
        }
        // What every write looks at is asked for before its transaction, which then need not ask.
        if let Some(standing) = self.caller.standing().filter(|standing| !standing.partnership_id.is_nil()) {
            self.app.seals.any(self, standing.partnership_id).await?;
        }
        let ctx = self.clone();
        store::to_its_end(async move {
            let outer = ctx.clone();
            let outcome =
                ctx.app.store.transact(!ctx.validate_only, move |tx| work(Ctx { tx: Some(tx), ..outer.clone() })).await;
            // What was only tried has changed nothing, and nothing was kept of what it saw.
            if !ctx.validate_only {
                ctx.written(outcome.is_ok()).await;
            }
            outcome
        })
        .await
    }

    /// What follows from a transaction that is over: whoever has to know is told.
    async fn written(&self, kept: bool) {
        if self.standings_changed.load(Ordering::Acquire) {
            self.app.principals.forget();
            self.app.hub.standings_changed();
            if kept {
                self.app.store.tell(hub::STANDINGS).await;
            }
        }
        if self.seals_changed.load(Ordering::Acquire) {
            self.app.seals.forget();
        }
        if kept {
            self.app.hub.wake();
        }
    }

    /// Runs `work` so that its failure undoes only itself and not the transaction around it, in which something was read or
    /// written before.
    pub async fn attempt<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Ctx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let ctx = self.clone();
        store::nested(self.tx()?, |tx| work(Ctx { tx: Some(tx), ..ctx })).await
    }

    /// Says that who may do what has changed, so that it holds from the commit on.
    pub fn standings_change(&self) {
        self.standings_changed.store(true, Ordering::Release);
    }

    /// Says that something was sealed or unsealed, so that it holds from the commit on.
    pub fn seals_change(&self) {
        self.seals_changed.store(true, Ordering::Release);
    }

    /// Whether this request has sealed or unsealed something.
    pub(crate) fn seals_will_change(&self) -> bool {
        self.seals_changed.load(Ordering::Acquire)
    }

    /// Whether this is the view of a transaction.
    pub fn writes(&self) -> bool {
        self.tx.is_some()
    }

    /// The standing acted in.
    pub fn standing(&self) -> Result<&Standing> {
        match (&*self.caller, self.caller.standing()) {
            (_, Some(standing)) => Ok(standing),
            (Caller::Anonymous, _) => Err(Code::Unauthenticated.into()),
            (Caller::Account { principal, .. }, _) if principal.standings.len() > 1 => {
                Err(Code::ActingContextRequired.into())
            }
            _ => Err(Error::new(Code::Forbidden, "you sit at no table")),
        }
    }

    /// Whether the caller is still what it was when this began. For work that outlasts a request.
    pub async fn is_still_standing(&self) -> Result<bool> {
        let Caller::Account { principal, acting: Some(acting) } = &*self.caller else { return Ok(true) };
        let known = self.app.principals.known(&self.app.store, principal.account_id).await?;
        Ok(known.is_some_and(|known| known.principal.standings.contains(acting)))
    }

    /// Who signed in.
    pub fn principal(&self) -> Result<&Arc<Principal>> {
        match &*self.caller {
            Caller::Account { principal, .. } => Ok(principal),
            _ => Err(Code::Unauthenticated.into()),
        }
    }

    /// Leave to do this, or a refusal.
    pub fn permit(&self, op: Op) -> Result<Permit> {
        let permit = permit(op, self.standing()?)?;
        if let Caller::Account { principal, .. } = &*self.caller
            && !principal.scopes.is_empty()
        {
            let scope = self.app.operations.scope(op);
            if !principal.scopes.contains(&scope) {
                return Err(Error::new(Code::ScopeMissing, format!("this needs the scope {scope}")));
            }
        }
        Ok(permit)
    }

    /// Leave to do this at that partnership. One the caller has no standing at is as if it were not there.
    pub fn permit_at(&self, op: Op, partnership_id: Uuid) -> Result<Permit> {
        let permit = self.permit(op)?;
        if permit.standing.role == Role::Operator || permit.standing.partnership_id == partnership_id {
            Ok(permit)
        } else {
            Err(Error::member("/partnershipId", "not_found", "there is no such partnership"))
        }
    }

    /// Writes what happened, in the transaction of the change.
    pub async fn event<R: Scoped>(&self, kind: &str, record: &R, changed: &[String]) -> Result<()> {
        let values = self.event_of(kind, record, changed)?;
        let sql = format!("{} VALUES ({})", *INTO_EVENT, event_places(0));
        let statement = Statement::from_sql_and_values(self.app.store.backend(), sql, values);
        self.tx()?.changes(&statement).await?;
        self.app.operations.follow(self, kind, record.id()).await
    }

    /// Changes the one row of a record, `at_version` if only while it has the version it was read at, and writes what
    /// happened: on PostgreSQL in one statement, so that it is asked once.
    pub(crate) async fn change<R: Scoped>(
        &self,
        change: Statement,
        at_version: bool,
        kind: &str,
        record: &R,
        changed: &[String],
    ) -> Result<()> {
        let (tx, mut made) = (self.tx()?, change);
        if made.db_backend == DbBackend::Postgres {
            let values = made.values.get_or_insert_with(|| Values(Vec::new()));
            let places = event_places(values.0.len());
            values.0.extend(self.event_of(kind, record, changed)?);
            made.sql =
                format!("WITH changed AS ({} RETURNING 1) {} SELECT {places} FROM changed", made.sql, *INTO_EVENT);
        }
        let backend = made.db_backend;
        tx.change_one(made, at_version).await?;
        match backend {
            DbBackend::Postgres => self.app.operations.follow(self, kind, record.id()).await,
            _ => self.event(kind, record, changed).await,
        }
    }

    fn event_of<R: Scoped>(&self, kind: &str, record: &R, changed: &[String]) -> Result<[SqlValue; EVENT.len()]> {
        let (partnership, standing) = (record.partnership_id(), self.caller.standing());
        Ok([
            self.new_id().into(),
            (!partnership.is_nil()).then_some(partnership).into(),
            kind.into(),
            R::TABLE.trim_end_matches('_').into(),
            record.id().into(),
            record.version().into(),
            serde_json::to_string(changed).map_err(Error::internal)?.into(),
            self.operation.name().into(),
            self.caller.account_id().into(),
            standing.and_then(|standing| standing.organization_id).into(),
            standing.map_or("", |standing| standing.role.word()).into(),
            self.via.word().into(),
            self.request_id.to_string().into(),
            self.now().into(),
        ])
    }
}
