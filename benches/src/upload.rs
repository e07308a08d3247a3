//! `upload`: uploads a film of the largest size that there may be, and measures the memory that
//! taking it in costs.
//!
//! The film is made while it is sent, so this program does not hold it either. The server's time is
//! compared with what any program must do: hash the film, write it to a file, and sync that.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::client::{form_around, form_type, person_token};
use crate::error::{BenchError, Doing};
use crate::measure::resident_bytes;
use crate::process::{DataDir, Server, find_privd};
use crate::response;

const MIB: f64 = 1024.0 * 1024.0;
/// Memory that the upload may take beside what the server takes anyway.
const TARGET_MIB: f64 = 64.0;
const SAMPLE_EVERY: Duration = Duration::from_millis(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Begins an ISO base media file, brand `isom` (ISO/IEC 14496-12, 4.3).
const MP4_HEAD: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isommp41";
const BLOCK_BYTES: usize = 64 << 10;

/// The arguments of `upload`.
#[derive(clap::Args)]
pub(crate) struct UploadArgs {
    /// Bytes of the film, in millions.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=500))]
    megabytes: u64,
    /// The service to measure [default: `privd` beside this program].
    #[arg(long)]
    privd: Option<PathBuf>,
    /// Where the throwaway data directory is made; must be on a disk [default: beside this
    /// program].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Measures an upload, and prints the results.
pub(crate) fn run(args: &UploadArgs) -> Result<(), BenchError> {
    let binary = find_privd(args.privd.as_deref())?;
    let data = DataDir::new(args.data_dir.as_deref())?;
    let film = Film { bytes: args.megabytes * 1_000_000 };
    let (hash, plain) = film.written_plainly(&data.path().join("plain"))?;
    let server = Server::privd(&binary, &data, &[])?;
    // A small one first, so that what is made once is not counted.
    Film { bytes: 1_000_000 }.upload(server.address, 1)?;
    let before = resident_bytes(server.pid())?;
    let began = Instant::now();
    let (answer, highest) = while_watching(server.pid(), || film.upload(server.address, 2))?;
    let taken = began.elapsed();
    if !answer.contains(&hash) {
        return Err(BenchError::DoesNotAddUp(format!("not the hash {hash}: {answer}")));
    }
    let extra = highest.saturating_sub(before) as f64 / MIB;
    let verdict = if extra < TARGET_MIB { "met" } else { "missed" };
    println!("a film of {} MB", args.megabytes);
    println!("  RSS before                {:>9.1} MiB", before as f64 / MIB);
    println!("  highest RSS meanwhile     {:>9.1} MiB", highest as f64 / MIB);
    println!("  extra memory              {extra:>9.1} MiB  (target < {TARGET_MIB:.0}: {verdict})");
    println!("  uploaded and durable in   {:>9.2} s", taken.as_secs_f64());
    println!("  hashed, written, synced   {:>9.2} s  by this program alone", plain.as_secs_f64());
    Ok(())
}

/// Runs `work`; returns the highest memory of a process meanwhile, too.
fn while_watching<T>(
    pid: u32,
    work: impl FnOnce() -> Result<T, BenchError>,
) -> Result<(T, u64), BenchError> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut highest = 0;
            while !done.load(Ordering::Acquire) {
                highest = highest.max(resident_bytes(pid)?);
                thread::sleep(SAMPLE_EVERY);
            }
            Ok(highest)
        });
        let worked = work();
        done.store(true, Ordering::Release);
        let highest = watcher.join().expect("the watcher does not panic")?;
        Ok((worked?, highest))
    })
}

/// Bytes that look like a film from their first ones on.
struct Film {
    bytes: u64,
}

impl Film {
    /// Calls `take` with the whole film, a block at a time.
    fn each_block(
        &self,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut left = self.bytes;
        let mut head = MP4_HEAD;
        while left > 0 {
            // xorshift64 (Marsaglia, 2003): no file system or proxy can make it smaller.
            for word in block.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            block[..head.len()].copy_from_slice(std::mem::take(&mut head));
            let size = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            take(&block[..size])?;
            left -= size as u64;
        }
        Ok(())
    }

    /// Hashes, writes and syncs the film here. Returns its SHA-256 and the time that this took.
    fn written_plainly(&self, path: &Path) -> Result<(String, Duration), BenchError> {
        let began = Instant::now();
        let mut hash = Sha256::new();
        let mut file = File::create(path).doing("making a file")?;
        self.each_block(|block| {
            hash.update(block);
            file.write_all(block)
        })
        .and_then(|()| file.sync_all())
        .doing("writing a file")?;
        Ok((format!("{:x}", hash.finalize()), began.elapsed()))
    }

    /// Uploads the film as a person; returns the answer's body.
    fn upload(&self, address: SocketAddr, person: u64) -> Result<String, BenchError> {
        let (head, foot) = form_around("video", "video/mp4");
        let length = head.len() as u64 + self.bytes + foot.len() as u64;
        let mut stream = TcpStream::connect(address).doing("connecting")?;
        stream.set_read_timeout(Some(ANSWER_WITHIN)).doing("setting a time limit")?;
        let mut out = BufWriter::with_capacity(BLOCK_BYTES, &stream);
        let sent = write!(
            out,
            "POST /v1/contributions/upload HTTP/1.1\r\nHost: {address}\r\n\
             Authorization: Bearer {}\r\nContent-Type: {}\r\nContent-Length: {length}\r\n\r\n{head}",
            person_token(person),
            form_type(),
        )
        .and_then(|()| self.each_block(|block| out.write_all(block)))
        .and_then(|()| out.write_all(foot.as_bytes()))
        .and_then(|()| out.flush());
        drop(out);
        sent.doing("uploading")?;
        read_created(&mut stream)
    }
}

fn read_created(stream: &mut TcpStream) -> Result<String, BenchError> {
    let scenario = "upload".to_owned();
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).doing("reading the answer")?;
        bytes.extend_from_slice(&part[..read]);
        match response::parse(&bytes) {
            Ok(Some(answer)) => {
                let body = String::from_utf8_lossy(&answer.body(&bytes)).into_owned();
                let (expected, status) = ("status 201".to_owned(), answer.status);
                return match status {
                    201 => Ok(body),
                    _ => Err(BenchError::WrongAnswer { scenario, expected, status, body }),
                };
            }
            Ok(None) if read == 0 => return Err(BenchError::Closed { scenario }),
            Ok(None) => {}
            Err(reason) => return Err(BenchError::Unreadable { scenario, reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_has_its_size_and_begins_as_one() {
        let mut all = Vec::new();
        let film = Film { bytes: 150_001 };
        film.each_block(|block| all.write_all(block)).expect("memory takes all");
        assert_eq!(all.len(), 150_001);
        assert_eq!(&all[4..12], b"ftypisom");
        assert_ne!(all[..BLOCK_BYTES], all[BLOCK_BYTES..2 * BLOCK_BYTES]);
    }
}
