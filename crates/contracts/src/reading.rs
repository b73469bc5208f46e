//! What a contract can be asked that no event tells, in the words that the store keeps.

use devproof_primitives::Setting;

/// What an answer of a contract is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Whether its first code appeared in this block (1), or it was only read there (0).
    Birth,
    /// The kind of code that stood behind it, in words.
    CodeKind,
    /// The code behind the proxy.
    Implementation,
    /// Keccak-256 of that code.
    ImplementationHash,
    /// The app id that it was told to decide about.
    AppId,
    /// Of a KMS: the contract that decides about an app id, which is the subject.
    Controller,
    /// Whether its code can never be replaced. Read from storage: stock contracts have no getter.
    UpgradesDisabled,
    /// Which compose hash its constructor allowed; zero for none.
    FirstComposeHash,
    /// A setting; of a list, with the value as the subject.
    Setting(Setting),
}

impl About {
    const OTHERS: [Self; 8] = [
        Self::Birth,
        Self::CodeKind,
        Self::Implementation,
        Self::ImplementationHash,
        Self::AppId,
        Self::Controller,
        Self::UpgradesDisabled,
        Self::FirstComposeHash,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Birth => "birth",
            Self::CodeKind => "code_kind",
            Self::Implementation => "implementation",
            Self::ImplementationHash => "implementation_hash",
            Self::AppId => "app_id",
            Self::Controller => "controller",
            Self::UpgradesDisabled => "upgrades_disabled",
            Self::FirstComposeHash => "first_compose_hash",
            Self::Setting(setting) => setting.name(),
        }
    }

    /// What a word means; `None` for one that this version does not know.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let setting = (1..=u8::MAX).map_while(|n| Setting::from_number(n).ok());
        (Self::OTHERS.into_iter())
            .chain(setting.map(Self::Setting))
            .find(|about| about.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        let all = About::OTHERS.into_iter().chain([About::Setting(Setting::ComposeHash)]);
        for about in all.chain([About::Setting(Setting::Owner)]) {
            assert_eq!(About::from_word(about.word()), Some(about));
        }
        assert_eq!(About::from_word("weather"), None);
    }
}
