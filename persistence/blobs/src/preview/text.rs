//! Makes the preview of a text: its beginning.

/// Characters of a text that are shown at most.
const MAX_CHARS: usize = 500;
/// The largest part of a text that is shown: a quarter.
const PART: usize = 4;
/// Bytes to read: enough for `PART` times `MAX_CHARS` characters of any length.
pub(super) const READ_BYTES: u64 = 8 << 10;

/// The part to show of a text of `size` bytes, given its first `READ_BYTES`; `None` if nothing
/// would be left to show.
pub(super) fn cut(begin: &[u8], size: u64) -> Option<String> {
    let text = match str::from_utf8(begin) {
        Ok(text) => text,
        // The bytes read end within a character.
        Err(error) => str::from_utf8(begin.get(..error.valid_up_to())?).ok()?,
    };
    let shown =
        if size > READ_BYTES { MAX_CHARS } else { MAX_CHARS.min(text.chars().count() / PART) };
    let end = text.char_indices().nth(shown).map_or(text.len(), |(at, _)| at);
    let shown = text.get(..end)?.trim_end();
    (!shown.is_empty()).then(|| format!("{shown}…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: Option<&str>) {
        let begin = &text.as_bytes()[..text.len().min(8 << 10)];
        let cut = cut(begin, text.len() as u64);
        assert_eq!(cut.as_deref(), shown);
    }

    #[test]
    fn a_quarter_of_a_short_text_is_shown() {
        check("", None);
        check("abc", None);
        check("abcd", Some("a…"));
        check("abcdefgh", Some("ab…"));
        check("äöüßäöüß", Some("äö…"));
        check("🌍🌎🌏🌐", Some("🌍…"));
        check("ab      the rest of it, all", Some("ab…"));
        check("        not a word", None);
    }

    #[test]
    fn five_hundred_characters_of_a_long_text_are_shown() {
        for character in ["a", "ä", "世", "🌍"] {
            let shown = format!("{}…", character.repeat(500));
            for length in [2_000, 2_047, 2_048, 2_049, 8_192, 100_000] {
                check(&character.repeat(length), Some(&shown));
            }
            check(&character.repeat(1_999), Some(&format!("{}…", character.repeat(499))));
            // The read ends within a character.
            check(
                &format!("x{}", character.repeat(9_000)),
                Some(&format!("x{}…", character.repeat(499))),
            );
        }
    }
}
