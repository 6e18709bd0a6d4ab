"""machinery's services, workflows and events: `dialect` is what the engine knows of them."""
