//! The bodies of the fuzz targets, on bytes at random and on all that the fuzzers have found.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*};

use crate::props::{BODIES, run};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input(data in vec(any::<u8>(), 0..200)) {
        for (name, _) in BODIES {
            run(name, &data);
        }
    }
}

#[test]
fn every_input_of_the_corpora() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, body) in BODIES {
        let files =
            fs::read_dir(corpora.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut inputs = 0;
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            body(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has no corpus");
    }
}
