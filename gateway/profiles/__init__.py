"""Device profiles: one data file for each way of speaking. `gateway.decoding` reads them; a community adds its own."""
