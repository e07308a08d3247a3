//! Finds how deep JSON is nested, without parsing it.

/// The deepest nesting that is accepted.
pub const MAX_DEPTH: usize = 64;

/// Whether arrays and objects are nested more than [`MAX_DEPTH`] levels deep.
///
/// One pass over the bytes. Text that is not JSON gets an answer too, and is refused later.
#[must_use]
pub fn nests_too_deep(json: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}
