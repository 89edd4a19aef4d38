// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// Names that a recipe's keys have elsewhere, to say what was meant by one of them.
package enum RecipeNames {
  /// The recipe's key that was probably meant.
  ///
  /// - Parameters:
  ///   - name: a key that is not known where it stands.
  ///   - path: the keys above it.
  ///   - keys: the keys that are known there.
  /// - Returns: a key of the same group, or a whole key path; nil where it would be a guess.
  static func meant(by name: String, at path: [String], among keys: [String]) -> String? {
    let group = RecipeValue.describe(path)
    let word = normalized(name)
    func local(_ target: String) -> String {
      let (parent, key) = split(target)
      // Stages have sizes of their own.
      return (parent == group || group.hasPrefix("stages")) && keys.contains(key) ? key : target
    }
    if let target = foreign[word] { return local(target) }
    if let key = keys.first(where: { normalized($0) == word }) { return key }
    // A key that stands in another group, unless this is where it belongs in another case.
    let isElsewhere = paths.contains(group.isEmpty ? name : "\(group).\(name)")
    let others = paths.filter { normalized(split($0).key) == word }
    if !isElsewhere, others.count == 1, let target = others.first { return local(target) }
    return NearestName.of(name, among: keys)
  }

  /// Hyphens, underscores and capitals are a matter of taste.
  static func normalized(_ name: String) -> String {
    name.prefix(64).lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
  }

  private static func split(_ path: String) -> (parent: String, key: String) {
    guard let point = path.lastIndex(of: ".") else { return ("", path) }
    return (String(path[..<point]), String(path[path.index(after: point)...]))
  }

  /// Every key path of a recipe but those of stages.
  package static let paths: [String] = groups.flatMap { group, keys in
    keys.map { group.isEmpty ? $0 : "\(group).\($0)" }
  }

  private static let groups: [(String, [String])] = [
    ("", Recipe.keys), ("model", ModelRecipe.keys),
    ("model.dropout", DropoutRates.keys), ("tokenizer", TokenizerRecipe.keys),
    ("data", DataRecipe.keys), ("data.validation", DataRecipe.validationKeys),
    ("batch", BatchConfiguration.keys), ("optimizer", OptimizerConfiguration.keys),
    ("schedule", LearningRateSchedule.keys), ("evaluate", EvaluationConfiguration.keys),
    ("checkpoint", CheckpointConfiguration.keys), ("stop", StopConditions.keys),
    ("noiseScale", NoiseScaleConfiguration.keys),
    ("onSpike", TrainingConfiguration.SpikePolicy.keys),
    ("parametrization", ParametrizationRecipe.keys),
  ]

  /// Where a name of nanoGPT, litgpt, OLMo, or of transformers' configurations and training arguments
  /// leads, without the marks between its words.
  package static let foreign: [String: String] = foreignNames.reduce(into: [:]) { result, entry in
    for name in entry.value { result[name] = entry.key }
  }

  private static let foreignNames: [String: [String]] = [
    "model": ["modelconfig"],
    "model.architecture": ["modeltype", "arch", "architectures"],
    "model.layers": ["nlayer", "nlayers", "numlayers", "numhiddenlayers", "depth"],
    "model.hidden": ["nembd", "dmodel", "hiddensize", "embeddim", "embeddingsize", "dim", "width"],
    "model.heads": ["nhead", "nheads", "numheads", "numattentionheads"],
    "model.context": [
      "blocksize", "nctx", "npositions", "maxpositionembeddings", "maxseqlength", "maxseqlen",
      "seqlen", "seqlength", "maxsequencelength", "contextlength", "contextsize",
    ],
    "model.vocabulary": ["vocabsize", "nvocab", "paddedvocabsize", "vocabularysize"],
    "model.keyValueHeads": ["nkvheads", "nquerygroups", "numkeyvalueheads", "numkvheads"],
    "model.headSize": ["headdim", "dhead", "kvchannels"],
    "model.intermediate": [
      "ninner", "dff", "ffndim", "ffnhiddensize", "mlphiddensize", "mlpratio", "intermediatesize",
    ],
    "model.tieHead": ["tiewordembeddings", "weighttying", "tieembeddings"],
    "model.ropeBase": ["ropetheta", "rotarybase"],
    "model.normEpsilon": ["rmsnormeps", "layernormepsilon", "layernormeps", "normeps"],
    "model.dropout": ["dropoutrate", "dropoutprob"],
    "model.dropout.embedding": ["embdpdrop", "embeddingdropout"],
    "model.dropout.attention": [
      "attnpdrop", "attentiondropout", "attentionprobsdropoutprob", "attentiondropoutprob",
    ],
    "model.dropout.residual": [
      "residpdrop", "hiddendropout", "residualdropout", "hiddendropoutprob",
    ],
    "data": ["datapath", "datadir"],
    "data.train": ["dataset", "datasets", "traindata", "trainfile", "datasetname"],
    "data.validation": ["valdata", "evaldata", "validationfile", "val", "valsplitfraction"],
    "data.order": ["trainsamplingstrategy"],
    "batch.sequences": [
      "batchsize", "microbatchsize", "globalbatchsize", "trainbatchsize", "perdevicetrainbatchsize",
      "globaltrainbatchsize", "devicetrainmicrobatchsize", "pergputrainbatchsize",
    ],
    "batch.accumulate": [
      "gradientaccumulationsteps", "gradaccumsteps", "gradaccumulationsteps",
      "accumulategradbatches",
    ],
    "optimizer": ["optim", "optimiser"],
    "optimizer.beta1": ["adambeta1", "betas"],
    "optimizer.beta2": ["adambeta2"],
    "optimizer.epsilon": ["adamepsilon", "eps", "adameps"],
    "optimizer.weightDecay": ["wd"],
    "optimizer.clip": [
      "gradclip", "maxgradnorm", "maxnorm", "gradientclip", "clipgradnorm", "gradientclipping",
    ],
    "schedule.kind": ["lrschedulertype", "scheduler", "lrscheduler", "decaylr"],
    "schedule.peak": ["lr", "learningrate", "maxlr", "peaklr"],
    "schedule.warmup": [
      "warmupsteps", "warmupiters", "lrwarmupsteps", "warmupratio", "twarmup", "numwarmupsteps",
      "warmuptokens", "lrwarmupfraction",
    ],
    "schedule.total": ["lrdecayiters", "tmax", "decaysteps", "totalsteps"],
    "schedule.floor": ["minlr", "alphaf", "lrmin"],
    "evaluate": ["eval", "evaluation"],
    "evaluate.every": ["evalinterval", "evalsteps", "evalevery"],
    "evaluate.batches": ["evaliters", "evalbatches", "evalmaxiters", "maxevalsamples"],
    "checkpoint.every": ["saveinterval", "savesteps", "saveevery", "checkpointinterval"],
    "checkpoint.keep": ["savetotallimit"],
    "stop.after": [
      "maxiters", "maxsteps", "maxtokens", "maxduration", "numtrainepochs", "epochs", "iterations",
      "trainsteps", "numsteps", "totaltokens",
    ],
    "parametrization": ["parameterization", "mup", "usemup", "completep"],
    "precision": ["dtype", "bf16", "fp16", "torchdtype"],
    "seed": ["randomseed", "dataseed"],
  ]
}
