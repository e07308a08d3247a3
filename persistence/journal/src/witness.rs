//! What is known from outside the journal of its past: places in its chain that were durable once.
//!
//! A journal can't tell by itself that its end is missing: what a disk has lost looks like what was
//! never written. Whoever has seen durable records can.

use std::path::Path;

use priv_domain::Position;

use crate::archive::Archive;
use crate::archive::image::ArchivedImage;
use crate::disk::Disk;
use crate::error::{OpenError, ReadError};
use crate::format::chain::ChainHash;
use crate::format::image::{Image, RawImage};
use crate::format::segment::{self, Form, Found, Header};
use crate::read::check::{WholeGroup, walk};
use crate::read::verify::read_header;

/// A place in the chain: the end of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainPoint {
    /// The position of the group's last record; zero before the first.
    pub position: Position,
    /// The chain's hash there.
    pub hash: ChainHash,
}

/// A position that was durable once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The position; zero says nothing.
    pub position: Position,
    /// The chain's hash there, where it is known; then the position is the end of a group.
    pub hash: Option<ChainHash>,
}

impl From<ChainPoint> for Witness {
    fn from(ChainPoint { position, hash }: ChainPoint) -> Self {
        Self { position, hash: Some(hash) }
    }
}

impl From<Position> for Witness {
    fn from(position: Position) -> Self {
        Self { position, hash: None }
    }
}

/// The chain of a journal, as far as witnesses are concerned.
pub(crate) struct Testimony<'a> {
    dir: &'a Path,
    witnesses: &'a [Witness],
    /// The hashes at the positions that were asked for, as far as they were seen.
    seen: Vec<ChainPoint>,
}

impl<'a> Testimony<'a> {
    pub(crate) fn new(dir: &'a Path, witnesses: &'a [Witness]) -> Self {
        Self { dir, witnesses, seen: Vec::new() }
    }

    /// Takes note of a group of the last segment.
    pub(crate) fn see(&mut self, group: &WholeGroup<'_>) {
        self.see_point(group.end());
    }

    fn see_point(&mut self, point: ChainPoint) {
        if self.witnesses.iter().any(|witness| witness.position == point.position) {
            self.seen.push(point);
        }
    }

    /// Checks all witnesses against a journal that ends at `end`. The headers are those of its
    /// segments, in order. Reads at most one closed segment for each witness.
    pub(crate) fn check(
        mut self,
        disk: &dyn Disk,
        end: Position,
        closed: &[Found],
        headers: impl Iterator<Item = Header>,
    ) -> Result<(), OpenError> {
        let known = self.witnesses.iter().map(|witness| witness.position).max();
        let known = known.unwrap_or(Position::ZERO);
        if known > end {
            return Err(OpenError::Lost { dir: self.dir.into(), end, known });
        }
        for Header { first, start } in headers {
            self.see_point(ChainPoint { position: Position::new(first - 1), hash: start });
        }
        for witness in self.witnesses {
            let (position, Some(hash)) = (witness.position, witness.hash) else { continue };
            if position == Position::ZERO {
                continue;
            }
            let seen = self.seen.iter().find(|point| point.position == position);
            let found = match seen {
                Some(point) => Some(point.hash),
                None => self.look_up(disk, closed, position)?,
            };
            if found != Some(hash) {
                return Err(OpenError::Another { dir: self.dir.into(), position });
            }
        }
        Ok(())
    }

    /// The hash at the end of a group in the closed segments; `None` if no group ends there.
    fn look_up(
        &self,
        disk: &dyn Disk,
        closed: &[Found],
        position: Position,
    ) -> Result<Option<ChainHash>, ReadError> {
        let at = closed.partition_point(|found| found.first <= position.get());
        let Some(found) = at.checked_sub(1).map(|at| closed[at]) else { return Ok(None) };
        let (path, form, file) = segment::open(disk, self.dir, found)?;
        match form {
            Form::Raw => hash_at(&mut RawImage::new(&*file, &path)?, &path, found, position),
            Form::Archived => {
                let archive = Archive::open(file, &path, found.first)?;
                hash_at(&mut ArchivedImage::new(&archive, &path), &path, found, position)
            }
        }
    }
}

fn hash_at(
    image: &mut dyn Image,
    path: &Path,
    found: Found,
    position: Position,
) -> Result<Option<ChainHash>, ReadError> {
    let header = read_header(image, path, found.first)?;
    let mut hash = None;
    let walked = walk(image, header.start, header.first, &mut |group| {
        let end = group.end();
        if end.position == position {
            hash = Some(end.hash);
        }
        Ok(())
    })?;
    match (hash, walked.stopped) {
        (None, Some(fault)) => Err(ReadError::Corrupt(fault.in_file(path.into()))),
        (hash, _) => Ok(hash),
    }
}
