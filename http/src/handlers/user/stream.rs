//! `GET /user/earnings/stream`: server-sent events, one a change of pending or balance.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use priv_actors::Node;
use priv_actors::shell::{Listener, Listening, Shell};
use priv_domain::user::{User, UserMoney};
use priv_domain::{Entity, EntityId, Micros, Version};
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use utoipa::ToSchema;

use super::{Unknown, user_in_reach};
use crate::error::ApiError;
use crate::extract::caller::{Read, UserCaller};
use crate::state::AppState;
use crate::wire::amount::Priv;

/// Changes that a slow reader may be behind; then the stream ends, and they resume.
const MAX_BEHIND: usize = 256;

/// Time between signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often a stream looks whether the service is stopping.
const LOOK_UP: Duration = Duration::from_millis(500);

/// How long a stream goes on; then the reader comes again, with a token that still holds.
const LONGEST: Duration = Duration::from_secs(3_600);

/// One event of the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for its schema")]
struct BalanceEvent {
    /// For `Last-Event-ID`.
    id: String,
    #[schema(pattern = "^balance$")]
    event: String,
    /// An object with `pending_rewards`, `priv_balance` and `earned_total`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// Sends on what changes.
struct ChangeListener {
    last: UserMoney,
    sender: Sender<UserMoney>,
}

impl Listener<User> for ChangeListener {
    fn changed(&mut self, user: &Entity<User>) -> Listening {
        let money = UserMoney::of(user);
        let differs = money.differs_from(&self.last);
        self.last = money;
        // One who is too far behind is let go, and resumes.
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
    pending_rewards: Priv,
    priv_balance: Priv,
    earned_total: Priv,
}

/// Balance and pending as they change, as server-sent events
///
/// Each has an `id`, the name `balance` and as `data` an object with `pending_rewards`,
/// `priv_balance` and `earned_total`. The first tells how things stand. Every 15 seconds there is a
/// sign of life. A stream ends after an hour: come again with `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/user/earnings/stream", tag = "User",
    params(("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{1,19}$",
            description = "The last id that was seen: what came after it follows.")),
    responses((status = 200, body = BalanceEvent, content_type = "text/event-stream",
        description = "The schema is that of one event.")))]
pub(crate) async fn stream_earnings(
    request: HttpRequest,
    caller: UserCaller<Read>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let last_seen = last_event_id(&request)?;
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

fn last_event_id(request: &HttpRequest) -> Result<Option<Version>, ApiError> {
    let Some(value) = request.headers().get("last-event-id") else { return Ok(None) };
    let version = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    match version {
        Some(version) => Ok(Some(Version::new(version))),
        None => Err(ApiError::invalid_field("Last-Event-ID", "must be an id of this stream")),
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
    /// The next bytes; none where the stream ends.
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
                    // Nothing leaves before it is on disk.
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
    let amount = |micros: i128| Priv(Micros::new(u64::try_from(micros).unwrap_or(0)));
    let view = ChangeView {
        pending_rewards: amount(money.pending),
        priv_balance: amount(money.balance),
        earned_total: amount(money.earned_total),
    };
    let data = serde_json::to_string(&view).unwrap_or_default();
    Bytes::from(format!("id: {}\nevent: balance\ndata: {data}\n\n", money.version))
}
