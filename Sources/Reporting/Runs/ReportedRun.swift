// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// A run as reports and comparisons see it: plain values, whoever read them.
public struct ReportedRun: Sendable, Hashable {
  /// A short name, unique among the runs of a report.
  public var name: String
  /// Where it lies, for readers; nil where it lies nowhere.
  public var path: String?
  /// What its log says.
  public var course: RunCourse
  /// The model that it ends with.
  public var model: Model?
  /// What fixes initial values and the order of data.
  public var seed: UInt64?
  /// How far its learning rate has fallen.
  public var decay: LearningRateDecay
  /// What it is trained and validated on; nil where that is not known.
  public var data: DataIdentity?
  /// The machine that its seconds were measured on; nil where that is not known.
  public var machine: String?
  /// The recipe's text as it was given.
  public var recipe: String
  /// Values set over the recipe's.
  public var overrides: [String]
  /// The recipe's most important settings: what, and its value.
  public var settings: [Setting]
  /// Where the newest state came from, oldest first.
  public var lineage: [Ancestor]
  /// The saved states, oldest first.
  public var checkpoints: [Checkpoint]
  /// Why what the log says cannot be believed, by line and field; nothing where it can.
  public var logProblems: [String]

  /// Makes a run; everything but name and course may be left out.
  public init(
    name: String, path: String? = nil, course: RunCourse, model: Model? = nil,
    seed: UInt64? = nil, decay: LearningRateDecay = .unknown, data: DataIdentity? = nil,
    machine: String? = nil, recipe: String = "", overrides: [String] = [],
    settings: [Setting] = [], lineage: [Ancestor] = [], checkpoints: [Checkpoint] = [],
    logProblems: [String] = []
  ) {
    self.name = name
    self.path = path
    self.course = course
    self.model = model
    self.seed = seed
    self.decay = decay
    self.data = data
    self.machine = machine
    self.recipe = recipe
    self.overrides = overrides
    self.settings = settings
    self.lineage = lineage
    self.checkpoints = checkpoints
    self.logProblems = logProblems
  }

  /// A model in the few words that tell two apart.
  public struct Model: Sendable, Hashable {
    /// Architecture and sizes.
    public var description: String
    /// All parameters.
    public var parameterCount: Int
    /// Parameters without embeddings.
    public var parameterCountWithoutEmbeddings: Int

    /// Makes a model.
    public init(
      description: String, parameterCount: Int, parameterCountWithoutEmbeddings: Int
    ) {
      self.description = description
      self.parameterCount = parameterCount
      self.parameterCountWithoutEmbeddings = parameterCountWithoutEmbeddings
    }
  }

  /// What identifies the data: equal where losses may be compared.
  public struct DataIdentity: Sendable, Hashable {
    /// A hash of the tokenizer.
    public var tokenizer: String
    /// A hash of the training tokens.
    public var training: String
    /// A hash of the validation tokens; nil where there are none.
    public var validation: String?

    /// Makes an identity.
    public init(tokenizer: String, training: String, validation: String?) {
      self.tokenizer = tokenizer
      self.training = training
      self.validation = validation
    }
  }

  /// A setting of the recipe.
  public struct Setting: Sendable, Hashable {
    /// What is set.
    public var name: String
    /// Its value.
    public var value: String

    /// Makes a setting.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// One step of where a state came from.
  public struct Ancestor: Sendable, Hashable {
    /// What was done: `initialized`, `loaded`, the name of a growth operator.
    public var operation: String
    /// What it was done to; nil for a new model.
    public var source: String?
    /// A hash of the source's contents.
    public var hash: String?
    /// Optimizer steps taken before it.
    public var step: Int

    /// Makes a step.
    public init(operation: String, source: String? = nil, hash: String? = nil, step: Int) {
      self.operation = operation
      self.source = source
      self.hash = hash
      self.step = step
    }
  }

  /// A saved state.
  public struct Checkpoint: Sendable, Hashable {
    /// Its directory's name.
    public var name: String
    /// Optimizer steps taken when it was saved.
    public var step: Int
    /// What is wrong with it; nothing where it is whole.
    public var problems: [String]

    /// Makes a checkpoint.
    public init(name: String, step: Int, problems: [String] = []) {
      self.name = name
      self.step = step
      self.problems = problems
    }
  }

  /// The last validation; nil where there is none that is finite.
  public var lastEvaluation: EvaluationRecord? {
    course.evaluations.last { $0.validationLoss.isFinite }
  }

  /// Whether the model was grown on the way.
  public var isStaged: Bool { !course.growths.isEmpty }
}

/// How far a run's learning rate has fallen at its end, which its last loss depends on.
public enum LearningRateDecay: Sendable, Hashable {
  /// The schedule never lets it fall.
  case constant
  /// It has come to the schedule's floor.
  case complete
  /// It stands at this share of the peak on its way to the floor.
  case partial(share: Double)
  /// The schedule is not known.
  case unknown

  /// Judges by the rate of the last step.
  ///
  /// - Parameters:
  ///   - last: the last step's learning rate; nil where there was no step.
  ///   - peak: the schedule's highest rate, above 0.
  ///   - floor: the schedule's last rate, as a share of the peak; nil where it never falls.
  public init(last: Double?, peak: Double, floor: Double?) {
    guard let floor else {
      self = .constant
      return
    }
    guard let last, last.isFinite, peak > 0 else {
      self = .unknown
      return
    }
    let share = last / peak
    // The last step may end just short of the schedule's total, where both are counted in tokens.
    self = share <= floor + 0.01 ? .complete : .partial(share: share)
  }

  /// In words.
  public var description: String {
    switch self {
    case .constant: "constant"
    case .complete: "fully decayed"
    case .partial(let share):
      "at \(NumberStyle.percent.label((share * 1000).rounded() / 1000)) of the peak"
    case .unknown: "unknown"
    }
  }
}
