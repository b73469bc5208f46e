//! Bytes that nobody can guess.

use ring::rand::{SecureRandom, SystemRandom};

/// Bytes from the system that nobody can guess.
///
/// # Errors
/// In words, if the system has none.
pub fn random() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err("this machine gives no random bytes".to_owned()),
    }
}
