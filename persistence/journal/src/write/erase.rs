//! Erasing personal parts from a closed segment without breaking the chain.

use std::path::Path;

use priv_domain::Position;

use crate::damage::{Corruption, Damage, Fault};
use crate::disk::Disk;
use crate::error::ReadError;
use crate::format::chain::Chainer;
use crate::format::group::{HEADER_BYTES, PAGE_BYTES, seal};
use crate::format::image::{Image, RawImage};
use crate::format::index::segment_start;
use crate::format::record::{PersonalView, Raw, RecordView};
use crate::format::segment::Header;
use crate::read::check::walk;

/// Copies the closed segment in the file `from`, which begins with the position `first`, to the new
/// file `to`, without the personal parts of the records that `choose` picks; their hashes stay. The
/// groups, the hashes and therefore the chain are the same. Returns the number of parts taken out.
/// The new file is durable when this returns.
///
/// # Errors
/// If the segment is damaged or the disk fails; then `to` may be there in part.
pub fn erase_personal(
    disk: &dyn Disk,
    from: &Path,
    first: Position,
    to: &Path,
    choose: &mut dyn FnMut(&RecordView<'_>) -> bool,
) -> Result<u64, ReadError> {
    let io_from = |source| ReadError::Io { file: from.into(), source };
    let io_to = |source| ReadError::Io { file: to.into(), source };
    let source = disk.open(from).map_err(io_from)?;
    let mut image = RawImage::new(&*source, from)?;
    let header = Header::decode(image.get(0, PAGE_BYTES)?, first.get())
        .map_err(|fault| ReadError::Corrupt(fault.in_file(from.into())))?;
    let target = disk.create(to, 0).map_err(io_to)?;
    target.write_all_at(&header.encode(), 0).map_err(io_to)?;

    let mut chainer = Chainer::new();
    let mut previous = header.start;
    let mut offset = segment_start();
    let mut erased = 0;
    let walked = walk(&mut image, header.start, first.get(), &mut |group| {
        let mut bytes = vec![0; HEADER_BYTES];
        let mut count = 0;
        let mut at = HEADER_BYTES;
        while let Some(raw) = Raw::at_start(&group.bytes[at..]) {
            let chosen = raw.view().is_some_and(|view| {
                matches!(view.personal, PersonalView::Present(_)) && choose(&view)
            });
            if chosen {
                raw.encode_erased(&mut bytes);
                erased += 1;
            } else {
                bytes.extend_from_slice(raw.bytes());
            }
            count += 1;
            at += raw.len();
        }
        let chain = (&header.start, &previous);
        previous = seal(&mut bytes, (group.first, count), chain, &mut chainer, |_, _| ());
        target.write_all_at(&bytes, offset).map_err(io_to)?;
        offset += bytes.len() as u64;
        Ok(())
    })?;
    let unequal = Fault { offset, position: walked.link.next, damage: Damage::Chain };
    let fault = walked.stopped.or((previous != walked.link.hash).then_some(unequal));
    if let Some(fault) = fault {
        let corruption: Corruption = fault.in_file(from.into());
        return Err(corruption.into());
    }
    target.sync_data().map_err(io_to)?;
    Ok(erased)
}
