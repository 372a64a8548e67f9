"""How a settings dataclass becomes a configuration: bounds, environment, mistakes, descriptions. It knows no room."""
