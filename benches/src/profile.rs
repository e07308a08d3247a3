//! Reads what callgrind counted: the instructions that each function executed itself, and the
//! source files that they were written in.
//!
//! The format is that of <https://valgrind.org/docs/manual/cl-format.html>, as callgrind writes it
//! without options: one event (`Ir`, instructions executed), positions by line. The source of an
//! instruction is the file that it was inlined from, so it tells what functions hide.

use std::collections::HashMap;
use std::io::{self, Write};

/// The number of functions, and of files, that a report names.
const TOP: usize = 40;

/// The beginnings of names that stand for code without a symbol.
const NAMELESS: [&str; 2] = ["???", "0x"];
/// The file of code of which nothing is known.
const UNKNOWN: &str = "???";

/// Instructions executed, by all threads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    total: u64,
    /// The counts by function and file.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    function: String,
    file: String,
    instructions: u64,
}

impl Part {
    fn is_nameless(&self) -> bool {
        NAMELESS.iter().any(|start| self.function.starts_with(start))
    }

    /// The function; its file where it has no name of its own, as the loops of assembly have not.
    fn name(&self) -> &str {
        if self.is_nameless() && self.file != UNKNOWN { short(&self.file) } else { &self.function }
    }
}

/// Work whose share the table has: work that valgrind counts for more than it is, and work that is
/// large in any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Sha256,
    Sha512,
    Blake3,
    Crc,
    Sip,
    Memset,
}

impl Work {
    /// Every kind of work, in the order of the table's columns.
    pub(crate) const ALL: [Self; 6] =
        [Self::Sha256, Self::Sha512, Self::Blake3, Self::Crc, Self::Sip, Self::Memset];

    /// The heading of the work's column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Blake3 => "BLAKE3",
            Self::Crc => "CRC",
            Self::Sip => "SipHash",
            Self::Memset => "memset",
        }
    }

    /// The work that an instruction is part of, by the names of its function and its file.
    fn of(function: &str, file: &str) -> Option<Self> {
        let (function, file) = (function.to_ascii_lowercase(), file.to_ascii_lowercase());
        let named = |name: &str| function.contains(name) || file.contains(name);
        if named("sha512") {
            Some(Self::Sha512)
        } else if named("sha256") || file.contains("/sha2-") {
            Some(Self::Sha256)
        } else if named("blake3") {
            Some(Self::Blake3)
        } else if named("crc32") {
            Some(Self::Crc)
        } else if ["siphash", "hash::sip::", "DefaultHasher"]
            .iter()
            .any(|name| function.contains(name))
            || file.ends_with("hash/sip.rs")
        {
            Some(Self::Sip)
        } else if function.contains("memset") {
            Some(Self::Memset)
        } else {
            None
        }
    }
}

impl Profile {
    /// Reads a file of callgrind.
    ///
    /// # Errors
    /// Says what is not as expected. The instructions of the functions have to sum up to the total
    /// that the file states.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            reader.take(line).map_err(|reason| format!("line {}: {reason}", index + 1))?;
        }
        reader.finish()
    }

    /// The number of all instructions.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The part of all instructions that some work took; `None` where the program has no symbols.
    pub(crate) fn share(&self, work: Work) -> Option<f64> {
        if self.sum(|part| part.is_nameless() && part.file == UNKNOWN) > self.total / 2 {
            return None;
        }
        let taken = self.sum(|part| Work::of(&part.function, &part.file) == Some(work));
        Some(taken as f64 / self.total.max(1) as f64)
    }

    /// Writes the functions, and the source files, that executed most.
    pub(crate) fn report(&self, out: &mut impl Write, requests: u64) -> io::Result<()> {
        self.table(out, requests, "function, itself only", Part::name)?;
        writeln!(out)?;
        let title = "source file, inlined code where it was written";
        self.table(out, requests, title, |part| short(&part.file))
    }

    fn table<'a>(
        &'a self,
        out: &mut impl Write,
        requests: u64,
        title: &str,
        name: impl Fn(&'a Part) -> &'a str,
    ) -> io::Result<()> {
        let mut sums: HashMap<&str, u64> = HashMap::new();
        for part in &self.parts {
            *sums.entry(name(part)).or_default() += part.instructions;
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|(a, most), (b, least)| least.cmp(most).then(a.cmp(b)));
        writeln!(out, "{:>14} {:>6}  {title}", "a request", "%")?;
        for (name, instructions) in sums.into_iter().take(TOP) {
            let a_request = instructions as f64 / requests as f64;
            let percent = instructions as f64 / self.total as f64 * 100.0;
            writeln!(out, "{a_request:>14.0} {percent:>6.2}  {name}")?;
        }
        Ok(())
    }

    fn sum(&self, belongs: impl Fn(&Part) -> bool) -> u64 {
        self.parts.iter().filter(|part| belongs(part)).map(|part| part.instructions).sum()
    }
}

/// Shortens a path to what is the same on every machine: from the package or the library on.
fn short(file: &str) -> &str {
    let behind = |mark: &str| file.split_once(mark).map(|(_, rest)| rest);
    // The folder of a registry is named by its host and a hash, the library's by a commit.
    let folder = behind("/registry/src/").or_else(|| behind("/rustc/"));
    let path = folder.and_then(|rest| rest.split_once('/')).map(|(_, path)| path);
    // What a build script made is in the folder of its package.
    let built = || behind("/build/").filter(|rest| rest.contains("/out/"));
    path.or_else(built).unwrap_or(file)
}

/// The state of reading a file, line by line.
#[derive(Default)]
struct Reader {
    functions: Names,
    files: Names,
    function: usize,
    file: usize,
    /// The next line is the cost of a call, which the callee's own lines have as well.
    is_call: bool,
    instructions: HashMap<(usize, usize), u64>,
    total: Option<u64>,
}

/// Names are written once, with a number, and by the number alone from then on.
#[derive(Default)]
struct Names(HashMap<usize, String>);

impl Names {
    fn take(&mut self, value: &str) -> Result<usize, String> {
        let compressed = value.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let (number, name) = compressed.ok_or_else(|| format!("no number in `{value}`"))?;
        let number = number.parse().map_err(|_| format!("no number in `{value}`"))?;
        match name.strip_prefix(' ') {
            Some(name) => {
                self.0.insert(number, name.to_owned());
            }
            None if !self.0.contains_key(&number) => {
                return Err(format!("`{value}` has not been named"));
            }
            None => {}
        }
        Ok(number)
    }
}

impl Reader {
    fn take(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return self.cost(line);
        }
        if let Some((key, value)) = line.split_once('=') {
            match key {
                "fn" => self.function = self.functions.take(value)?,
                "fl" | "fi" | "fe" => self.file = self.files.take(value)?,
                "cfn" => _ = self.functions.take(value)?,
                "cfl" | "cfi" => _ = self.files.take(value)?,
                "calls" => self.is_call = true,
                _ => {}
            }
            return Ok(());
        }
        match line.split_once(": ") {
            Some(("events", events)) if events != "Ir" => Err(format!("events are `{events}`")),
            Some(("positions", by)) if by != "line" => Err(format!("positions are by `{by}`")),
            Some(("totals", total)) => {
                self.total = Some(total.parse().map_err(|_| format!("a total of `{total}`"))?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn cost(&mut self, line: &str) -> Result<(), String> {
        let instructions = match line.split(' ').nth(1) {
            Some(count) => count.parse().map_err(|_| format!("a count of `{count}`"))?,
            // Counts of nothing are left out.
            None => 0,
        };
        if !std::mem::take(&mut self.is_call) {
            *self.instructions.entry((self.function, self.file)).or_default() += instructions;
        }
        Ok(())
    }

    fn finish(self) -> Result<Profile, String> {
        let total = self.total.ok_or("it has no totals: it was not written to its end")?;
        let sum: u64 = self.instructions.values().sum();
        if sum != total {
            return Err(format!("its functions sum up to {sum} instructions, not to {total}"));
        }
        let name = |names: &Names, number| names.0.get(&number).cloned().unwrap_or_default();
        let parts = self.instructions.iter().map(|(&(function, file), &instructions)| Part {
            function: name(&self.functions, function),
            file: name(&self.files, file),
            instructions,
        });
        Ok(Profile { total, parts: parts.collect() })
    }
}

#[cfg(test)]
mod tests;
