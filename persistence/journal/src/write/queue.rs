//! The queue between appending and the sequencer: the groups that are being filled, and the room
//! that is left for more.
//!
//! A group gets its place when its first record is appended: in the segment of the group before it,
//! or at the start of a spare that is claimed then and there. So an accepted record always has a
//! place on the disk, and a full disk is a refusal before the record is accepted, not a failure
//! after it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use priv_domain::Position;

use crate::error::{AppendError, JournalStopped};
use crate::format::draft::Draft;
use crate::format::group::{HEADER_BYTES, MARKER_BYTES, PAGE_BYTES, padded};
use crate::format::record::{encode, encoded_len};
use crate::options::Options;

/// Spare segments to have ready.
const SPARES: u32 = 1;
/// The longest that the sequencer waits for a group to become as large as the last one: about as
/// long as a sync takes. Waiting a quarter of it cost 7 % more processor time a request.
const GATHER: Duration = Duration::from_micros(400);
/// Buffers to keep for the next groups: one is filled while another is written.
const BUFFERS: usize = 2;
const KEY_LIMIT: u64 = u16::MAX as u64;

/// A group that is being filled.
#[derive(Debug)]
pub(crate) struct Building {
    /// Room for the header, then records.
    pub(crate) bytes: Vec<u8>,
    pub(crate) first: u64,
    pub(crate) count: u32,
    /// Whether it starts a new segment.
    pub(crate) rolls: bool,
    /// Bytes that its segment has left at its start.
    room: u64,
}

impl Building {
    fn size_with(&self, more: usize) -> u64 {
        padded(self.bytes.len() + more + MARKER_BYTES) as u64
    }
}

/// The queue between those who append and the sequencer.
#[derive(Debug)]
pub(crate) struct Queue {
    filling: Mutex<Filling>,
    ready: Condvar,
    spare_wanted: Condvar,
    appended: AtomicU64,
    limits: Limits,
}

#[derive(Debug)]
struct Limits {
    queued: usize,
    record: usize,
    group: usize,
    /// Bytes that a new segment has for groups.
    segment: u64,
}

#[derive(Debug)]
struct Filling {
    groups: VecDeque<Building>,
    buffers: Vec<Vec<u8>>,
    next: u64,
    /// Bytes that are not durable yet.
    queued: usize,
    /// Bytes of the last group: the next is rarely much larger. A buffer large enough for any group
    /// would be fresh pages from the system for each of them.
    usual: usize,
    /// Records of the last group.
    usual_count: u32,
    /// The number of records that the sequencer waits for.
    wanted: u32,
    /// Bytes that the segment has left after the last group that was taken.
    room: u64,
    /// Spares that are ready and not claimed.
    spares: u32,
    stopped: Option<JournalStopped>,
}

impl Queue {
    /// A queue whose next record gets the position `next`, for an active segment with `room` bytes
    /// left.
    pub(crate) fn new(options: &Options, next: u64, room: u64) -> Self {
        Self {
            filling: Mutex::new(Filling {
                groups: VecDeque::new(),
                buffers: Vec::new(),
                next,
                queued: 0,
                usual: 0,
                usual_count: 0,
                wanted: 1,
                room,
                spares: 0,
                stopped: None,
            }),
            ready: Condvar::new(),
            spare_wanted: Condvar::new(),
            appended: AtomicU64::new(next - 1),
            limits: Limits {
                queued: options.max_queued_bytes,
                record: options.max_record_bytes,
                group: options.group_bytes,
                segment: options.room_of_segment(),
            },
        }
    }

    pub(crate) fn appended(&self) -> Position {
        Position::new(self.appended.load(Ordering::Acquire))
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.filling.lock().queued
    }

    /// Adds records to one group and returns the position of the last.
    pub(crate) fn append(&self, drafts: &[Draft<'_>]) -> Result<Position, AppendError> {
        let bytes = self.measure(drafts)?;
        let mut filling = self.filling.lock();
        if let Some(why) = filling.stopped {
            return Err(why.into());
        }
        if drafts.is_empty() {
            return Ok(Position::new(filling.next - 1));
        }
        if filling.queued + bytes > self.limits.queued {
            return Err(AppendError::Full);
        }
        self.make_place(&mut filling, bytes)?;
        let mut next = filling.next;
        let group = filling.groups.back_mut().expect("a place was made");
        for draft in drafts {
            encode(&mut group.bytes, draft, next);
            next += 1;
            group.count += 1;
        }
        let is_first = group.count as usize == drafts.len();
        let is_gathered = filling.groups.len() > 1
            || filling.groups.back().is_some_and(|group| group.count >= filling.wanted);
        filling.queued += bytes;
        filling.next = next;
        self.appended.store(next - 1, Ordering::Release);
        drop(filling);
        if is_first || is_gathered {
            self.ready.notify_one();
        }
        Ok(Position::new(next - 1))
    }

    fn measure(&self, drafts: &[Draft<'_>]) -> Result<usize, AppendError> {
        let too_large = |bytes: u64, limit: u64| AppendError::TooLarge { bytes, limit };
        let mut all = 0;
        for draft in drafts {
            let bytes = encoded_len(draft);
            if bytes > self.limits.record {
                return Err(too_large(bytes as u64, self.limits.record as u64));
            }
            if draft.entity.key.len() as u64 > KEY_LIMIT {
                return Err(too_large(draft.entity.key.len() as u64, KEY_LIMIT));
            }
            all += bytes;
        }
        let limit = self.limits.segment.min(self.limits.queued as u64);
        let takes = padded(HEADER_BYTES + all + MARKER_BYTES) as u64;
        if takes > self.limits.segment || all > self.limits.queued {
            return Err(too_large(takes, limit));
        }
        Ok(all)
    }

    /// Makes sure that the last group has room for so many more bytes, beginning a new one if need
    /// be.
    fn make_place(&self, filling: &mut Filling, bytes: usize) -> Result<(), AppendError> {
        let room = match filling.groups.back() {
            Some(last) => {
                let small = last.bytes.len() + bytes <= self.limits.group;
                if small && last.size_with(bytes) <= last.room {
                    return Ok(());
                }
                last.room - last.size_with(0)
            }
            None => filling.room,
        };
        let rolls = padded(HEADER_BYTES + bytes + MARKER_BYTES) as u64 > room;
        if rolls {
            filling.spares = filling.spares.checked_sub(1).ok_or(AppendError::Full)?;
            self.spare_wanted.notify_one();
        }
        // A group of a few records fits a page, which is much cheaper to have than several are.
        let usual = filling.usual.max(PAGE_BYTES).min(self.limits.group);
        let mut buffer = filling.buffers.pop().unwrap_or_else(|| Vec::with_capacity(usual + bytes));
        buffer.clear();
        buffer.resize(HEADER_BYTES, 0);
        filling.groups.push_back(Building {
            bytes: buffer,
            first: filling.next,
            count: 0,
            rolls,
            room: if rolls { self.limits.segment } else { room },
        });
        Ok(())
    }

    /// Takes the next group to write, waiting for one. `None` once the queue has stopped and is
    /// empty.
    pub(crate) fn take(&self) -> Option<Building> {
        let mut filling = self.filling.lock();
        while filling.groups.is_empty() && filling.stopped.is_none() {
            filling.wanted = 1;
            self.ready.wait(&mut filling);
        }
        self.gather(&mut filling);
        let group = filling.groups.pop_front()?;
        filling.room = group.room - group.size_with(0);
        filling.usual = group.bytes.len();
        filling.usual_count = group.count;
        Some(group)
    }

    /// Waits briefly for as many records as the last group had: those who waited for that group are
    /// likely to append again at once, and one sync then serves all of them. A single client never
    /// waits.
    fn gather(&self, filling: &mut MutexGuard<'_, Filling>) {
        let until = Instant::now() + GATHER;
        filling.wanted = filling.usual_count;
        while filling.stopped.is_none()
            && filling.groups.len() == 1
            && filling.groups[0].count < filling.wanted
        {
            if self.ready.wait_until(filling, until).timed_out() {
                break;
            }
        }
        filling.wanted = u32::MAX;
    }

    /// Gives back the room of records of so many bytes, which are durable now.
    pub(crate) fn release(&self, bytes: usize) {
        self.filling.lock().queued -= bytes;
    }

    /// Takes a group's buffer back for later groups.
    pub(crate) fn recycle(&self, buffer: Vec<u8>) {
        let usual = buffer.capacity() <= 2 * self.limits.group;
        let mut filling = self.filling.lock();
        if usual && filling.buffers.len() < BUFFERS {
            filling.buffers.push(buffer);
        }
    }

    /// Refuses all appends from now on. Queued groups can still be taken, unless the disk failed.
    pub(crate) fn stop(&self, why: JournalStopped) {
        let mut filling = self.filling.lock();
        filling.stopped.get_or_insert(why);
        match why {
            JournalStopped::ShutDown => {}
            JournalStopped::Failed => filling.groups.clear(),
        }
        drop(filling);
        self.ready.notify_all();
        self.spare_wanted.notify_all();
    }

    /// Waits until a spare is wanted; false once the queue has stopped. After a failure, waits for
    /// `pause` first.
    pub(crate) fn wants_spare(&self, pause: Option<Duration>) -> bool {
        let mut filling = self.filling.lock();
        if let Some(pause) = pause
            && filling.stopped.is_none()
        {
            self.spare_wanted.wait_for(&mut filling, pause);
        }
        while filling.stopped.is_none() && filling.spares >= SPARES {
            self.spare_wanted.wait(&mut filling);
        }
        filling.stopped.is_none()
    }

    /// Counts a spare that is ready.
    pub(crate) fn add_spare(&self) {
        self.filling.lock().spares += 1;
    }
}
