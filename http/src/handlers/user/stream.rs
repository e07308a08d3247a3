//! `GET /user/earnings/stream`: server-sent events, one for each change of what is pending or
//! available.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use priv_actors::Node;
use priv_actors::shell::{Listener, Listening, Shell};
use priv_domain::user::{User, UserMoney};
use priv_domain::{Entity, EntityId, Micros, Version};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use utoipa::ToSchema;

use super::{Unknown, user_in_reach};
use crate::describe::{Argument, Draft};
use crate::error::{ApiError, ErrorCode};
use crate::extract::caller::{Read, UserCaller};
use crate::state::AppState;
use crate::wire::amount::Amount;

/// How many changes a reader may be behind. The stream then ends, and the reader resumes.
const MAX_BEHIND: usize = 256;

/// The time between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often a stream checks whether the service is stopping.
const LOOK_UP: Duration = Duration::from_millis(500);

/// The longest life of a stream. The reader then comes again, with a token that is still valid.
const LONGEST: Duration = Duration::from_secs(3_600);

/// One event of the stream.
#[derive(ToSchema)]
struct BalanceEvent {
    /// The id to send as `Last-Event-ID` to resume after this event.
    id: String,
    #[schema(pattern = "^balance$")]
    event: &'static str,
    /// A JSON object with `pending_rewards`, `priv_balance` and `earned_total`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// Passes a user's changes on to the stream.
struct ChangeListener {
    last: UserMoney,
    sender: Sender<UserMoney>,
}

impl Listener<User> for ChangeListener {
    fn changed(&mut self, user: &Entity<User>) -> Listening {
        let money = UserMoney::of(user);
        let differs = money.differs_from(&self.last);
        self.last = money;
        // A reader who is too far behind is dropped, and resumes.
        match !differs || self.sender.try_send(money).is_ok() {
            true => Listening::On,
            false => Listening::Ended,
        }
    }

    fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

#[derive(Serialize)]
struct ChangeView {
    pending_rewards: Amount,
    priv_balance: Amount,
    earned_total: Amount,
}

/// Balance and pending rewards as they change, as server-sent events
///
/// Each event has an `id`, the name `balance`, and as `data` an object with `pending_rewards`,
/// `priv_balance` and `earned_total`. The first tells the current state. There is a heartbeat every
/// 15 seconds. A stream ends after an hour: resume with `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/user/earnings/stream", tag = "User",
    responses((status = 200, body = BalanceEvent, content_type = "text/event-stream",
        description = "The schema is that of one event.")))]
pub(crate) async fn stream_earnings(
    caller: UserCaller<Read>,
    LastSeen(last_seen): LastSeen,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = user_in_reach(&state, &caller, None, Unknown::NotFound).await?;
    let (sender, receiver) = channel(MAX_BEHIND);
    let listen = move |shell: &mut Shell<User>| {
        let now = UserMoney::of(shell.entity());
        shell.listen(Box::new(ChangeListener { last: now, sender }));
        now
    };
    let now = state.node.with_shell_of::<User, _>(&id, listen).await?.reply;
    let first = match last_seen {
        Some(version) if version < now.version => missed(&state, id, now, version).await?,
        Some(_) => VecDeque::new(),
        None => VecDeque::from([now]),
    };
    let node = state.node.clone();
    let (idle, began) = (Duration::ZERO, Instant::now());
    let changes = Changes { first, receiver, node, state, idle, began };
    let stream = futures_util::stream::unfold(changes, |mut changes| async {
        let bytes = changes.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), changes))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header(header::ContentEncoding::Identity)
        .streaming(stream))
}

/// The id of the last event that the reader has, from `Last-Event-ID`; `None` without one.
pub(crate) struct LastSeen(Option<Version>);

impl FromRequest for LastSeen {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get("last-event-id") else {
            return ready(Ok(Self(None)));
        };
        let version = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        let version = version.ok_or_else(|| {
            ApiError::invalid_field("Last-Event-ID", "must be an id of this stream")
        });
        ready(version.map(|version| Self(Some(Version::new(version)))))
    }
}

impl Argument for LastSeen {
    fn describe(draft: &mut Draft) {
        draft.reads_parameter(json!({
            "name": "Last-Event-ID",
            "in": "header",
            "required": false,
            "description": "The last id that was seen: what came after it follows.",
            "schema": { "type": "string", "pattern": "^[0-9]{1,19}$" },
        }));
        draft.fails_with(&[ErrorCode::ValidationError]);
    }
}

async fn missed(
    state: &AppState,
    id: EntityId,
    now: UserMoney,
    since: Version,
) -> Result<VecDeque<UserMoney>, ApiError> {
    let node = state.node.clone();
    let missed = web::block(move || node.money_since(&id, now, since))
        .await
        .map_err(|error| ApiError::server_error(&error))?;
    missed.map(Into::into).map_err(|error| ApiError::server_error(&error))
}

struct Changes {
    first: VecDeque<UserMoney>,
    receiver: Receiver<UserMoney>,
    node: Arc<Node>,
    state: web::Data<AppState>,
    idle: Duration,
    began: Instant,
}

impl Changes {
    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(change) = self.first.pop_front() {
            return Some(written(&change));
        }
        loop {
            if self.state.is_draining() || self.began.elapsed() >= LONGEST {
                return None;
            }
            match tokio::time::timeout(LOOK_UP, self.receiver.recv()).await {
                Ok(Some(change)) => {
                    self.idle = Duration::ZERO;
                    // No change leaves before it is on disk.
                    return self.node.when_durable(change.position).await.then(|| written(&change));
                }
                Ok(None) => return None,
                Err(_) => {
                    self.idle += LOOK_UP;
                    if self.idle >= HEARTBEAT {
                        self.idle = Duration::ZERO;
                        return Some(Bytes::from_static(b": alive\n\n"));
                    }
                }
            }
        }
    }
}

fn written(money: &UserMoney) -> Bytes {
    let amount = |micros: i128| Amount(Micros::new(u64::try_from(micros).unwrap_or(0)));
    let view = ChangeView {
        pending_rewards: amount(money.pending),
        priv_balance: amount(money.balance),
        earned_total: amount(money.earned_total),
    };
    let data = serde_json::to_string(&view).unwrap_or_default();
    let event = BalanceEvent { id: money.version.to_string(), event: "balance", data };
    Bytes::from(event.to_string())
}

/// The event as text, in the form of server-sent events.
impl fmt::Display for BalanceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id: {}\nevent: {}\ndata: {}\n\n", self.id, self.event, self.data)
    }
}
