//! The subcommands of `privd` besides serving.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use priv_http::receipt::{self, KeySet, ReceiptKey};
use priv_journal::disk::RealDisk;
use priv_journal::{FileJournal, Journal};
use priv_store::data_dir::DataDir;
use priv_store::store::FOLDER;
use priv_store::witness::CHECKPOINT;
use priv_store::{Store, data_dir, verify};

use crate::config::{Arguments, Command, Settings};
use crate::token::signed_token;
use crate::{content, logging, replay, secrets, serve};

type Outcome = Result<(), Box<dyn Error>>;

/// Bound of the wait for `privd ready`, shorter than the pause between two health checks.
const READY_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the subcommand that the arguments name.
pub(crate) fn run(arguments: Arguments) -> Outcome {
    let settings = arguments.settings.with_file()?;
    match arguments.command {
        None | Some(Command::Serve) => {
            logging::start(&settings)?;
            serve::run(settings)
        }
        Some(Command::Ready) => ready(&settings),
        Some(Command::Token { sub, role, secs }) => token(&settings, &sub, role.as_deref(), secs),
        Some(Command::Verify) => {
            logging::start(&settings)?;
            verify(&settings)
        }
        Some(Command::Backup { to }) => backup(&settings.data_dir(), &to),
        Some(Command::Restore { from }) => restore(&from, &settings.data_dir()),
        Some(Command::VerifyReceipt { receipt, jwks }) => {
            verify_receipt(&settings.data_dir(), &receipt, jwks.as_deref())
        }
        Some(Command::Openapi) => {
            println!("{:#}", priv_http::document());
            Ok(())
        }
        Some(Command::Replay(args)) => Ok(replay::run(args)?),
    }
}

fn ready(settings: &Settings) -> Outcome {
    let mut address = settings.listen();
    // Who listens everywhere can be reached here.
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(READY_TIMEOUT))
        // A proxy that the environment names has no business between a machine and itself.
        .proxy(None)
        .build();
    ureq::Agent::from(agent).get(format!("http://{address}/ready")).call()?;
    println!("ready");
    Ok(())
}

fn token(settings: &Settings, sub: &str, role: Option<&str>, secs: u64) -> Outcome {
    let secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        // A sandbox made its own secret.
        None => secrets::read(&settings.data_dir().join(secrets::JWT_SECRET))?
            .map(|text| text.trim().to_owned())
            .ok_or("set PRIV_JWT_SECRET, the secret that tokens are signed with")?,
    };
    println!("{}", signed_token(&secret, sub, role, secs, settings)?);
    Ok(())
}

fn verify(settings: &Settings) -> Outcome {
    let data_dir = DataDir::lock(&settings.data_dir())?;
    let disk = Arc::new(RealDisk);
    let chain = priv_journal::verify(disk.as_ref(), &data_dir.journal())?;
    println!(
        "journal: {} records in {} groups of {} segments, chain intact up to position {}",
        chain.records, chain.groups, chain.segments, chain.last
    );
    if let Some(torn) = &chain.torn {
        println!("the group at the end is unfinished and was never acknowledged: {torn:?}");
    }
    let (store, _) = Store::open(data_dir.path(), 64 << 20)?;
    let journal = FileJournal::open(
        disk,
        &data_dir.journal(),
        priv_journal::Options { witnesses: store.witnesses()?, ..Default::default() },
        None,
        Box::new(|error| eprintln!("privd: {error}")),
    )?;
    let report = verify::verify(&journal, &store)?;
    journal.shutdown();
    println!(
        "replay: {} records make {} entities; {} snapshots compared",
        report.records, report.entities, report.snapshots
    );
    for fault in &report.faults {
        println!("FAULT: {fault}");
    }
    match report.faults.len() {
        0 => {
            println!("all is as it should be");
            Ok(())
        }
        faults => Err(format!("{faults} faults found").into()),
    }
}

fn backup(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    let report =
        priv_journal::copy(&RealDisk, &from.join(data_dir::JOURNAL), &to.join(data_dir::JOURNAL))?;
    for name in secrets::ALL {
        if let Some(text) = secrets::read(&from.join(name))? {
            secrets::write(&to.join(name), text.trim_end())?;
        }
    }
    // Copied after the journal: all content that its entries refer to was there before them.
    let blobs = copy_blobs(&from.join(data_dir::BLOBS), &to.join(data_dir::BLOBS))?;
    println!("copied and checked: {report:?}, and {blobs} contributed contents");
    Ok(())
}

fn restore(from: &Path, to: &Path) -> Outcome {
    let data_dir = DataDir::lock(to)?;
    // A store left from another journal would be taken for this one's.
    let left = [data_dir.journal(), to.join(FOLDER), to.join(CHECKPOINT)];
    if left.iter().any(|path| path.exists()) {
        return Err(
            format!("{} is in use already: restore into a new directory", to.display()).into()
        );
    }
    priv_journal::verify(&RealDisk, &from.join(data_dir::JOURNAL))?;
    // It has another name until it is whole, so that a broken copy is never used.
    let unfinished = to.join("journal.unfinished");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    let report = priv_journal::copy(&RealDisk, &from.join(data_dir::JOURNAL), &unfinished)?;
    std::fs::rename(&unfinished, data_dir.journal())?;
    for name in secrets::ALL {
        if let Some(text) = secrets::read(&from.join(name))? {
            secrets::write(&to.join(name), text.trim_end())?;
        }
    }
    let (blobs_from, blobs_to) = (from.join(data_dir::BLOBS), to.join(data_dir::BLOBS));
    let blobs = copy_blobs(&blobs_from, &blobs_to)?;
    if blobs_to.exists() {
        priv_blobs::mark_folder(&blobs_to, &content::installation(to)?)?;
    }
    std::fs::File::open(to)?.sync_all()?;
    println!("restored and checked: {report:?}, and {blobs} contributed contents");
    Ok(())
}

/// Copies contributed content, which never changes, file by file, and returns the number of files.
/// Unfinished uploads are left out, and so is content that is erased meanwhile.
fn copy_blobs(from: &Path, to: &Path) -> Result<u64, Box<dyn Error>> {
    let Ok(entries) = std::fs::read_dir(from) else { return Ok(0) };
    std::fs::create_dir_all(to)?;
    let mut copied = 0;
    for entry in entries {
        let entry = entry?;
        // The mark says whose content this is, and a copy is another installation's.
        if ["staging", "installation", "orphans"].iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copied += copy_blobs(&entry.path(), &target)?;
            continue;
        }
        match std::fs::copy(entry.path(), &target) {
            Ok(_) => std::fs::File::open(&target)?.sync_all()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        }
        copied += 1;
    }
    std::fs::File::open(to)?.sync_all()?;
    Ok(copied)
}

fn verify_receipt(data_dir: &Path, receipt: &str, jwks: Option<&Path>) -> Outcome {
    let receipt = match receipt {
        "-" => std::io::read_to_string(std::io::stdin())?,
        text => text.to_owned(),
    };
    let keys: KeySet = match jwks {
        Some(path) => serde_json::from_str(&std::fs::read_to_string(path)?)?,
        None if data_dir.join(secrets::SERVER_SECRET).exists() => {
            ReceiptKey::of(&secrets::server_secret(data_dir)?).public()
        }
        None => {
            return Err("give the public keys with --jwks, as the service shows them at \
                 /.well-known/jwks.json; or the service's --data-dir"
                .into());
        }
    };
    let facts = receipt::verify(&receipt, &keys)?;
    println!("{}", serde_json::to_string_pretty(&facts)?);
    Ok(())
}
