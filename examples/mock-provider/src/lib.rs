//! A tool and an infra provider as an outsider would write them
