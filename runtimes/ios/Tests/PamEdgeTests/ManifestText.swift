/// Manifests of a network of two blocks for pictures of 32x64, as text.
enum ManifestText {
  /// Of one entry point, or two where a function has to be chosen; a dynamic one of tensors takes the last frame's too.
  static func of(
    _ target: String, io: String, mode: String, isLive: Bool = false, sha256: String = String(repeating: "a", count: 64)
  ) -> String {
    let isDynamic = mode == "dynamic"
    func tensor(_ name: String, _ shape: String) -> String {
      "{\"name\": \"\(name)\", \"type\": \"\", \"shape\": \(shape), \"layout\": \"\", \"meaning\": \"\"}"
    }
    func picture(_ name: String, _ channels: Int) -> String {
      tensor(name, io == "image" ? "[32, 64]" : "[1, \(channels), 32, 64]")
    }
    let inputs =
      [picture("image", 3), picture(isLive ? "mask" : "trimap", 1)] + (isLive ? [picture("previous", 1)] : [])
      + (isDynamic ? [tensor("budget", "[1]")] : []) + (isLive ? [tensor("previous_path", "[2]")] : [])
    let outputs =
      [picture("alpha", 1), picture("foreground", 3)]
      + (isDynamic ? [tensor("path", "[2]"), tensor("cost", "[1]")] : [])
    func entry(_ name: String) -> String {
      """
      {"name": "\(name)", "height": 32, "width": 64,
       "ends": {"source": "\(isLive ? "mask+previous" : "trimap")", "result": "cutout"\(isLive ? ", \"band_px\": 4" : "")},
       "inputs": [\(inputs.joined(separator: ", "))], "outputs": [\(outputs.joined(separator: ", "))],
       "budget": "mild", "path": \(isDynamic ? "null" : "\"10\""), "function": "\(name)",
       "budget_input": \(isDynamic ? "2.5" : "null"), "predicted_cost": 2.5, "cost_unit": "ms",
       "cost_provenance": "counted", "cost_interval": [2, 3], "gmacs": 1, "objective": "",
       "file": "model.\(target == "coreai" ? "aimodel" : "mlpackage")", "sha256": "\(sha256)", "bytes": 1}
      """
    }
    let selection = """
      {"unit": "ms", "fixed": 1, "run": [1, 1], "bypass": [0, 0], "margin": 0, "thresholds": [0]}
      """
    let entries = mode == "multi" ? [entry("mild"), entry("aggressive")] : [entry("mild")]
    return """
      {"schema_version": 2, "checkpoint": {"reference": "", "sha256": "\(String(repeating: "a", count: 64))",
       "variant": "pam-minute", "architecture_hash": "0123456789ab", "trained": false, "summary": ""},
       "target": "\(target)", "mode": "\(mode)", "precision": "fp16", "io": "\(io)", "profile": null,
       "selection": \(isDynamic ? selection : "null"), "accelerators": [],
       "entry_points": [\(entries.joined(separator: ", "))], "command": "", "parity": [], "golden": [],
       "tool_versions": {}}
      """
  }
}
