//! The secrets that the service is reached with, and whether it may make them for itself.

use std::error::Error;

use crate::config::Settings;
use crate::secrets;

/// The secrets by which operators and people are recognised.
pub(crate) struct Access {
    /// The operators' bearer token.
    pub(crate) admin_token: Option<String>,
    /// The secret that HS256 tokens are signed with.
    pub(crate) jwt_secret: Option<String>,
    /// Whether the service made both secrets for itself.
    pub(crate) is_sandbox: bool,
}

impl Access {
    /// Takes the secrets from the settings; a sandbox if there are none and only this machine can
    /// reach the service.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let Settings { admin_token, jwt_secret, jwks, .. } = settings;
        let says_nothing = admin_token.is_none() && jwt_secret.is_none() && jwks.is_none();
        if settings.listen().ip().is_loopback() {
            if !says_nothing {
                let (admin_token, jwt_secret) = (admin_token.clone(), jwt_secret.clone());
                return Ok(Self { admin_token, jwt_secret, is_sandbox: false });
            }
            let data_dir = settings.data_dir();
            std::fs::create_dir_all(&data_dir)?;
            return Ok(Self {
                admin_token: Some(secrets::made_once(&data_dir, secrets::ADMIN_TOKEN)?),
                jwt_secret: Some(secrets::made_once(&data_dir, secrets::JWT_SECRET)?),
                is_sandbox: true,
            });
        }
        let mut missing = Vec::new();
        if admin_token.is_none() {
            missing.push("PRIV_ADMIN_TOKEN (the operators' token)");
        }
        if jwt_secret.is_none() && jwks.is_none() {
            missing.push("PRIV_JWT_SECRET or PRIV_JWKS (how people's tokens are checked)");
        }
        match missing.is_empty() {
            true => Ok(Self {
                admin_token: admin_token.clone(),
                jwt_secret: jwt_secret.clone(),
                is_sandbox: false,
            }),
            false => Err(format!(
                "{} can be reached by others: set {}; or listen on 127.0.0.1 for a sandbox",
                settings.listen(),
                missing.join(" and ")
            )
            .into()),
        }
    }
}
