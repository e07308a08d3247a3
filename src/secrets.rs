//! Secrets that the service makes for itself, in files of mode 0600 in the data directory.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of the server's secret, which signs link proofs and receipts, and from which the keys
/// of a repeated request are derived again.
pub(crate) const SERVER_SECRET: &str = "server-secret";
/// The file of a sandbox's operators' token.
pub(crate) const ADMIN_TOKEN: &str = "admin-token";
/// The file of a sandbox's HS256 secret.
pub(crate) const JWT_SECRET: &str = "jwt-secret";
/// The file of a sandbox's demo project and person.
pub(crate) const SANDBOX: &str = "sandbox-secret.json";

/// The file of the installation's id, by which it knows its own contributed content. No secret, and
/// not in a backup: a copy is another installation.
pub(crate) const INSTALLATION: &str = "installation";

/// The secrets, which a backup includes.
pub(crate) const ALL: [&str; 4] = [SERVER_SECRET, ADMIN_TOKEN, JWT_SECRET, SANDBOX];

/// Why a secret can't be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// Its file can't be read or written.
    #[error("cannot access {path}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Its file has a content that was never written there.
    #[error("{path} is damaged: restore it from a backup", path = .0.display())]
    Damaged(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// A secret of 64 hexadecimal digits, which is made when it is first asked for.
pub(crate) fn made_once(data_dir: &Path, name: &str) -> Result<String, SecretError> {
    let path = data_dir.join(name);
    if let Some(text) = read(&path)? {
        let text = text.trim().to_owned();
        let is_whole = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        return if is_whole { Ok(text) } else { Err(SecretError::Damaged(path)) };
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write(&path, &text)?;
    Ok(text)
}

/// The 32 bytes of the server's secret.
pub(crate) fn server_secret(data_dir: &Path) -> Result<[u8; 32], SecretError> {
    let text = made_once(data_dir, SERVER_SECRET)?;
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16)
            .map_err(|_| SecretError::Damaged(data_dir.join(SERVER_SECRET)))?;
    }
    Ok(bytes)
}

/// Reads a file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, SecretError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretError::Io { path: path.to_owned(), source }),
    }
}

/// Writes a file that only its owner can read, as a whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), SecretError> {
    let failed = |source| SecretError::Io { path: path.to_owned(), source };
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&unfinished)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        match path.parent() {
            Some(folder) => std::fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(failed)
}
