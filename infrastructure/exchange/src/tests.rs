//! Two bodies and an authority in one process, over real sockets: what works, and what attackers try.

mod agreements;
mod attacks;
mod bodies;
mod choice;
mod evidence;
mod jdk;
mod journey;
mod legacy;
mod lines;
mod ocsp;
mod offers;
mod registries;
mod reports;
mod simulated;
mod smuggling;
mod survive;
mod why;

use crate::testing as country;
