//! The client that progenitor makes of the 3.0.3 document. That it compiles is what is shown.

progenitor::generate_api!("../../../openapi/openapi-3.0.json");
