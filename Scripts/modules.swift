// SPDX-License-Identifier: Apache-2.0
//
// Draws the package's modules and what each imports, from what `swift package dump-package` says.
// Run by Scripts/modules; reads standard input, writes SVG to standard output. With `--names` it writes
// the modules' names instead, in the manifest's order, without system libraries.
import Foundation

// MARK: The modules

/// A module with the modules of this package that it imports.
struct Module {
  var name: String
  var isSystemLibrary: Bool
  var imports: Set<String>
}

func readModules() throws -> [Module] {
  struct Package: Decodable {
    struct Target: Decodable {
      /// `{"byName": ["Text", null]}`, `{"product": ["Yams", "Yams", null, null]}`.
      struct Dependency: Decodable {
        var name: String?

        init(from decoder: any Decoder) throws {
          let kinds = try decoder.container(keyedBy: Key.self)
          for kind in [Key.byName, .target] where kinds.contains(kind) {
            var parts = try kinds.nestedUnkeyedContainer(forKey: kind)
            name = try parts.decode(String.self)
          }
        }

        enum Key: String, CodingKey { case byName, target }
      }
      var name: String
      var type: String
      var path: String?
      var dependencies: [Dependency]
    }
    var targets: [Target]
  }
  let input = FileHandle.standardInput.readDataToEndOfFile()
  let targets = try JSONDecoder().decode(Package.self, from: input).targets.filter {
    $0.type != "test" && $0.path?.hasPrefix("Tests") != true
  }
  let names = Set(targets.map(\.name))
  return targets.map {
    Module(
      name: $0.name, isSystemLibrary: $0.type == "system",
      imports: Set($0.dependencies.compactMap(\.name)).intersection(names))
  }
}

// MARK: The layers

/// A box, or a bend of an arrow that passes a layer.
struct Node {
  var name: String?
  var layer: Int
  var x = 0.0
  /// Nodes of the next layer down that an arrow leads to.
  var below: [Int] = []
  var above: [Int] = []

  var width: Double { name.map { 22 + 7.4 * Double($0.count) } ?? 6 }
}

/// The modules in layers, each above all that it imports; arrows that follow from others left out.
func layered(_ modules: [Module]) -> [Node] {
  let imports = Dictionary(uniqueKeysWithValues: modules.map { ($0.name, $0.imports) })
  var reach: [String: Set<String>] = [:]
  var layers: [String: Int] = [:]
  // A manifest lists a module after all that it imports.
  for module in modules {
    reach[module.name] = module.imports.reduce(module.imports) { $0.union(reach[$1] ?? []) }
    layers[module.name] = (module.imports.map { layers[$0] ?? 0 }.max() ?? -1) + 1
  }
  var nodes = modules.map { Node(name: $0.name, layer: layers[$0.name] ?? 0) }
  let numbers = Dictionary(uniqueKeysWithValues: modules.enumerated().map { ($1.name, $0) })
  func connect(_ upper: Int, _ lower: Int) {
    nodes[upper].below.append(lower)
    nodes[lower].above.append(upper)
  }
  for module in modules {
    let direct = (imports[module.name] ?? []).filter { name in
      !module.imports.contains { reach[$0]?.contains(name) == true }
    }
    for name in direct.sorted() {
      guard var upper = numbers[module.name], let lower = numbers[name] else { continue }
      for layer in stride(from: nodes[upper].layer - 1, to: nodes[lower].layer, by: -1) {
        nodes.append(Node(name: nil, layer: layer))
        connect(upper, nodes.count - 1)
        upper = nodes.count - 1
      }
      connect(upper, lower)
    }
  }
  return nodes
}

/// Orders each layer so that few arrows cross, and gives every node its place from left to right.
func arranged(_ given: [Node]) -> [Node] {
  var nodes = given
  let gap = 14.0
  var layers = Dictionary(grouping: nodes.indices, by: { nodes[$0].layer })
  func pack(_ layer: Int) {
    var x = 0.0
    for index in layers[layer] ?? [] {
      nodes[index].x = x + nodes[index].width / 2
      x += nodes[index].width + gap
    }
    for index in layers[layer] ?? [] { nodes[index].x -= x / 2 }
  }
  func wish(_ index: Int, _ neighbours: KeyPath<Node, [Int]>) -> Double {
    let places = nodes[index][keyPath: neighbours].map { nodes[$0].x }
    return places.isEmpty ? nodes[index].x : places.reduce(0, +) / Double(places.count)
  }
  let numbers = layers.keys.sorted()
  numbers.forEach(pack)
  for _ in 0..<12 {
    for (order, neighbours) in [(numbers, \Node.below), (numbers.reversed(), \Node.above)] {
      for layer in order {
        layers[layer]?.sort {
          let (left, right) = (wish($0, neighbours), wish($1, neighbours))
          return left != right ? left < right : $0 < $1
        }
        pack(layer)
      }
    }
  }
  // Everyone moves towards the mean of its neighbours, as far as the next in the layer allow.
  for _ in 0..<200 {
    for layer in numbers {
      let row = layers[layer] ?? []
      for (place, index) in row.enumerated() {
        let wanted = (wish(index, \.below) + wish(index, \.above)) / 2
        func room(_ other: Int) -> Double { (nodes[other].width + nodes[index].width) / 2 + gap }
        let least = place > 0 ? nodes[row[place - 1]].x + room(row[place - 1]) : -.infinity
        let most =
          place + 1 < row.count ? nodes[row[place + 1]].x - room(row[place + 1]) : .infinity
        nodes[index].x = max(least, min(most, wanted))
      }
    }
  }
  return nodes
}

// MARK: The picture

func picture(_ nodes: [Node]) -> String {
  let (boxHeight, step, margin) = (28.0, 62.0, 16.0)
  let left = nodes.map { $0.x - $0.width / 2 }.min() ?? 0
  let right = nodes.map { $0.x + $0.width / 2 }.max() ?? 0
  let top = nodes.map(\.layer).max() ?? 0
  func number(_ value: Double) -> String { String(Int(value.rounded())) }
  func x(_ node: Node) -> Double { node.x - left + margin }
  func y(_ node: Node) -> Double { Double(top - node.layer) * step + margin + boxHeight / 2 }
  func curve(_ from: Node, _ to: Node) -> String {
    let (start, end) = (y(from) + boxHeight / 2, y(to) - boxHeight / 2)
    let middle = (start + end) / 2
    let straight = from.name == nil ? "L \(number(x(from))) \(number(start)) " : ""
    return straight
      + "C \(number(x(from))) \(number(middle)) \(number(x(to))) \(number(middle)) "
      + "\(number(x(to))) \(number(end))"
  }
  let width = right - left + 2 * margin
  let height = Double(top) * step + boxHeight + 2 * margin
  var lines = [
    #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \#(number(width)) \#(number(height))" "#
      + #"font-family="ui-monospace, monospace" font-size="12" role="img">"#,
    "<title>Modules; arrows lead to what a module imports</title>",
    "<style>rect{fill:#eef3ea;stroke:#5b7f4b}text{fill:#22301c;text-anchor:middle}"
      + "path{fill:none;stroke:#8a968a}marker path{fill:#8a968a;stroke:none}"
      + "@media (prefers-color-scheme:dark){rect{fill:#22301c;stroke:#8fb57c}text{fill:#eef3ea}}"
      + "</style>",
    #"<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" "#
      + #"orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>"#,
  ]
  for node in nodes where node.name != nil {
    for first in node.below {
      var path = "M \(number(x(node))) \(number(y(node) + boxHeight / 2)) "
      var (from, next) = (node, first)
      while true {
        path += curve(from, nodes[next]) + " "
        guard nodes[next].name == nil, let further = nodes[next].below.first else { break }
        (from, next) = (nodes[next], further)
      }
      lines.append(#"<path d="\#(path.dropLast())" marker-end="url(#tip)"/>"#)
    }
  }
  for node in nodes {
    guard let name = node.name else { continue }
    lines.append(
      #"<rect x="\#(number(x(node) - node.width / 2))" y="\#(number(y(node) - boxHeight / 2))" "#
        + #"width="\#(number(node.width))" height="\#(number(boxHeight))" rx="6"/>"#
        + #"<text x="\#(number(x(node)))" y="\#(number(y(node) + 4))">\#(name)</text>"#)
  }
  return lines.joined(separator: "\n") + "\n</svg>"
}

let modules = try readModules()
if CommandLine.arguments.contains("--names") {
  modules.filter { !$0.isSystemLibrary }.forEach { print($0.name) }
} else {
  print(picture(arranged(layered(modules))))
}
