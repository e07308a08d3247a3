//! What people upload: its type, what it may be used for, and what that earns.

use crate::money::Micros;
use crate::time::Timestamp;

/// What a contribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContributionType {
    /// A picture.
    Photo,
    /// A film.
    Video,
    /// A recording of a voice.
    Voice,
    /// Text or JSON.
    Text,
}

impl ContributionType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Photo, Self::Video, Self::Voice, Self::Text];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Voice => "voice",
            Self::Text => "text",
        }
    }

    /// The type of a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// Bytes that one may have at most: 50, 500, 100 and 10 MiB.
    #[must_use]
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::Photo => 50 << 20,
            Self::Video => 500 << 20,
            Self::Voice => 100 << 20,
            Self::Text => 10 << 20,
        }
    }

    /// What one earns that may be used for nothing in particular.
    #[must_use]
    pub const fn base_reward(self) -> Micros {
        match self {
            Self::Photo => Micros::new(1_000_000),
            Self::Video => Micros::new(5_000_000),
            Self::Voice => Micros::new(2_000_000),
            Self::Text => Micros::new(500_000),
        }
    }
}

macro_rules! media_types {
    ($($(#[$doc:meta])* $name:ident, $mime:literal, $of:ident, $extension:literal;)*) => {
        /// A format that a contribution may have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MediaType {
            $($(#[$doc])* $name,)*
        }

        impl MediaType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As a MIME type.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $mime,)* }
            }

            /// The type of the contributions that have it.
            #[must_use]
            pub const fn contribution_type(self) -> ContributionType {
                match self { $(Self::$name => ContributionType::$of,)* }
            }

            /// What the names of its files end with.
            #[must_use]
            pub const fn extension(self) -> &'static str {
                match self { $(Self::$name => $extension,)* }
            }
        }
    };
}

media_types! {
    /// JPEG.
    Jpeg, "image/jpeg", Photo, "jpg";
    /// PNG.
    Png, "image/png", Photo, "png";
    /// WebP.
    Webp, "image/webp", Photo, "webp";
    /// HEIC.
    Heic, "image/heic", Photo, "heic";
    /// HEIF.
    Heif, "image/heif", Photo, "heif";
    /// MP4 with moving pictures.
    Mp4, "video/mp4", Video, "mp4";
    /// WebM with moving pictures.
    Webm, "video/webm", Video, "webm";
    /// QuickTime.
    QuickTime, "video/quicktime", Video, "mov";
    /// AVI.
    Avi, "video/x-msvideo", Video, "avi";
    /// MP3.
    Mpeg, "audio/mpeg", Voice, "mp3";
    /// WAV.
    Wav, "audio/wav", Voice, "wav";
    /// WebM with sound only.
    WebmAudio, "audio/webm", Voice, "weba";
    /// Ogg.
    Ogg, "audio/ogg", Voice, "ogg";
    /// MP4 with sound only.
    Mp4Audio, "audio/mp4", Voice, "m4a";
    /// UTF-8 text.
    Plain, "text/plain", Text, "txt";
    /// JSON.
    Json, "application/json", Text, "json";
}

impl MediaType {
    /// The format of a MIME type.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == mime)
    }
}

/// What its owner allows it to be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Training of models.
    pub ai_training: bool,
    /// Research.
    pub research: bool,
    /// Commerce; without it, it can't be sold.
    pub commercial: bool,
}

impl Uses {
    /// What a contribution of a type earns: its base and 25, 15 and 20 percent of it for each use.
    #[must_use]
    pub fn reward(self, contribution_type: ContributionType) -> Micros {
        let percent = |allowed: bool, percent: u32| if allowed { percent } else { 0 };
        let percent = [
            percent(self.ai_training, 25),
            percent(self.research, 15),
            percent(self.commercial, 20),
        ]
        .iter()
        .fold(100, |sum: u32, part| sum.saturating_add(*part));
        contribution_type.base_reward().percent_floor(percent).unwrap_or(Micros::ZERO)
    }
}

/// How far a contribution has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReviewStatus {
    /// Nobody has judged it.
    #[default]
    Pending,
    /// Received: it has earned, and can be sold.
    Approved,
    /// Not taken.
    Rejected,
}

impl ReviewStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Rejected];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// The status of a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewDecision {
    /// It is taken, and earns.
    Approved,
    /// It is not.
    Rejected,
}

impl ReviewDecision {
    /// The status that follows.
    #[must_use]
    pub const fn status(self) -> ReviewStatus {
        match self {
            Self::Approved => ReviewStatus::Approved,
            Self::Rejected => ReviewStatus::Rejected,
        }
    }
}

/// Whether the content was known when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Originality {
    /// It was not.
    New,
    /// Somebody else has it: a person looks at it before it is taken.
    KnownElsewhere,
}

/// A contribution, as its owner's state has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Its format; says its type.
    pub media_type: MediaType,
    /// Of its content, which is stored under it.
    pub sha256: [u8; 32],
    /// Bytes of its content.
    pub size: u64,
    /// What it may be used for.
    pub uses: Uses,
    /// What approval earns.
    pub reward: Micros,
    /// Whether the content was known when it came.
    pub originality: Originality,
    /// How far it has come.
    pub status: ReviewStatus,
    /// When it came.
    pub at: Timestamp,
}

impl Contribution {
    /// Its type.
    #[must_use]
    pub const fn contribution_type(&self) -> ContributionType {
        self.media_type.contribution_type()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_adds_its_part_to_the_reward() {
        let uses = |ai_training, research, commercial| Uses { ai_training, research, commercial };
        let table = [
            (ContributionType::Photo, uses(false, false, false), 1_000_000),
            (ContributionType::Photo, uses(true, true, true), 1_600_000),
            (ContributionType::Video, uses(true, false, false), 6_250_000),
            (ContributionType::Voice, uses(false, true, false), 2_300_000),
            (ContributionType::Text, uses(false, false, true), 600_000),
        ];
        for (contribution_type, uses, micros) in table {
            assert_eq!(uses.reward(contribution_type).get(), micros);
        }
    }

    #[test]
    fn names_are_read_back() {
        for media_type in MediaType::ALL {
            assert_eq!(MediaType::from_mime(media_type.as_str()), Some(*media_type));
        }
        for contribution_type in ContributionType::ALL {
            let name = contribution_type.as_str();
            assert_eq!(ContributionType::from_name(name), Some(contribution_type));
        }
    }
}
