"""Device profiles: one TOML file per device, and the schema that checks them."""

from pam_edge.device_profiles.loader import ListedProfile, list_profiles, load_profile
from pam_edge.device_profiles.schema import DeviceProfile, Measurement

__all__ = ["DeviceProfile", "ListedProfile", "Measurement", "list_profiles", "load_profile"]
