//! What a signature alone costs, in CPU seconds of this process.

use trust::keys::{Algorithm, Signer};
use trust::sigalg::Hash;

use super::process::cpu_seconds;
use crate::commands::Problem;

/// Signatures made and checked to find their cost.
const SIGNATURES: u32 = 2_000;

/// CPU seconds of one signature made, and of one verified.
///
/// # Errors
/// The key can't be made.
pub fn cost(algorithm: Algorithm) -> Result<(f64, f64), Problem> {
    let signer = Signer::ephemeral("bench", algorithm)?;
    let (algorithm, message) = (signer.signature_algorithm(Hash::Sha512), [7_u8; 1024]);
    let signature = signer.sign(&message, Hash::Sha512)?;
    let began = cpu_seconds("self");
    for _ in 0..SIGNATURES {
        signer.sign(&message, Hash::Sha512)?;
    }
    let signed = cpu_seconds("self");
    for _ in 0..SIGNATURES {
        algorithm.verify(signer.spki_der(), &message, &signature)?;
    }
    let verified = cpu_seconds("self");
    let each = f64::from(SIGNATURES);
    Ok(((signed - began) / each, (verified - signed) / each))
}
