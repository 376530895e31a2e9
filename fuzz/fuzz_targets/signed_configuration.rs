//! A signed configuration directory, an anchor and private parameters: any bytes, never a panic, never without limit.
#![no_main]

use kernel::Moment;
use trust::globalconf::{Anchor, Distribution, PrivateParams, SharedParams, Version, verification};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let keys = Anchor::read(bytes).map(|anchor| anchor.sources[0].keys.clone());
    let _ = Distribution::verify(bytes, &keys.unwrap_or_default(), Moment(0));
    for version in Version::ALL {
        let _ = PrivateParams::read(bytes, version);
        // What is read can be written, and is read again as the same.
        if let Ok(params) = SharedParams::read(bytes, version)
            && let Ok(text) = params.to_xml(version)
        {
            let again = SharedParams::read(text.as_bytes(), version);
            assert_eq!(again.map(|params| params.members), Ok(params.members));
        }
    }
    let _ = verification::read(&[("PE/shared-params.xml.metadata".to_owned(), bytes.to_vec())]);
});
