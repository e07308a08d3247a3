//! Makes keys for a request, and the same ones again for its repeat.

use priv_domain::project::{ApiKey, KeyRole, Scopes};
use priv_domain::{Environment, KeyId, RequestTag};

use crate::auth::{NewKey, key_from_seed};
use crate::error::ApiError;
use crate::state::AppState;

/// Makes keys for a request.
///
/// With an idempotency key, a key's secret is made from the request's tag, the new key's id and
/// this installation's secret, so that a repeat shows the same one although only its hash is
/// stored. The id is new for each key, so what was shown once is never made for another.
pub(crate) struct NewKeys<'a> {
    state: &'a AppState,
    tag: Option<RequestTag>,
}

impl<'a> NewKeys<'a> {
    /// Makes keys for a request; `tag` is `None` if it has no idempotency key.
    pub(crate) fn for_request(state: &'a AppState, tag: Option<RequestTag>) -> Self {
        Self { state, tag }
    }

    /// Makes a publishable key, and a secret one with all scopes.
    pub(crate) fn pair(&self, environment: Environment) -> Result<[(ApiKey, String); 2], ApiError> {
        Ok([
            self.one(KeyRole::Publishable, Scopes::ALL, environment)?,
            self.one(KeyRole::Secret, Scopes::ALL, environment)?,
        ])
    }

    /// Makes a key, and returns it with its secret.
    pub(crate) fn one(
        &self,
        role: KeyRole,
        scopes: Scopes,
        environment: Environment,
    ) -> Result<(ApiKey, String), ApiError> {
        let id = KeyId::new(self.state.node.fresh_id());
        let seed = match self.tag {
            Some(tag) => self.seed_of(tag, id),
            None => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed).map_err(|error| ApiError::server_error(&error))?;
                seed
            }
        };
        let NewKey { secret, sha256, last4 } = key_from_seed(role, environment, &seed);
        let key = ApiKey {
            id,
            role,
            scopes,
            sha256,
            last_four: last4.into(),
            created_at: self.state.now(),
            ends_at: None,
        };
        Ok((key, secret))
    }

    /// The secret of the stored key `kept`: it was `made` for this request, or can be made again
    /// for a repeat. `None` if it can't.
    pub(crate) fn secret_of(
        &self,
        kept: &ApiKey,
        environment: Environment,
        made: &[(ApiKey, String)],
    ) -> Option<String> {
        if let Some((_, secret)) = made.iter().find(|(key, _)| key.sha256 == kept.sha256) {
            return Some(secret.clone());
        }
        let seed = self.seed_of(self.tag?, kept.id);
        let again = key_from_seed(kept.role, environment, &seed);
        (again.sha256 == kept.sha256).then_some(again.secret)
    }

    fn seed_of(&self, tag: RequestTag, id: KeyId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.state.options.server_secret);
        hasher.update(b"priv api key 1");
        hasher.update(&id.get().to_be_bytes());
        hasher.update(&tag.key.to_be_bytes());
        hasher.finalize().into()
    }
}
