// SPDX-License-Identifier: Apache-2.0
import Training

/// What becomes of settings that other programs have and a recipe does not.
///
/// The names are those of nanoGPT's `train.py`, of transformers' `TrainingArguments` and configurations,
/// and of litgpt's `pretrain`.
package enum RecipeExplanations {
  /// Why there is no such key, and what does its work; nil for a name that says nothing.
  ///
  /// - Parameter word: a key without the marks between its words.
  static func explanation(of word: String) -> String? { byName[word] }

  private static let byName: [String: String] = names.reduce(into: [:]) { result, entry in
    for name in entry.names { result[name] = entry.explanation }
  }

  /// Every name that is explained, for tests.
  package static var allNames: [String] { byName.keys.sorted() }

  private static let names: [(explanation: String, names: [String])] = [
    (
      "the run's directory is named on the command line, with -o",
      ["outdir", "outputdir", "savedir", "loggingdir", "runname", "wandbrunname", "savefolder"]
    ),
    (
      "the weights to begin with are named on the command line, with --from; without it they are "
        + "random",
      [
        "initfrom", "modelnameorpath", "initialcheckpointdir", "pretrained", "loadpath",
        "modelname",
        "nameorpath", "checkpointdir",
      ]
    ),
    (
      "a run goes on with --resume on the command line",
      ["resume", "resumefromcheckpoint", "ignoredataskip", "overwriteoutputdir", "autoresume"]
    ),
    (
      "every step is logged in the run's log.jsonl; `espalier report` draws it",
      [
        "loginterval", "loggingsteps", "loggingstrategy", "loggingfirststep", "loggingnaninffilter",
        "loglevel", "loglevelreplica", "logoneachnode", "wandblog", "wandbproject", "wandb",
        "reportto",
        "loggername", "log", "disabletqdm", "includetokenspersecond", "includenuminputtokensseen",
        "projectname",
      ]
    ),
    (
      "the embedded engine computes on the processor, in one process",
      [
        "device", "devices", "backend", "nodes", "numnodes", "usecpu", "nocuda", "localrank",
        "ddpbackend", "ddptimeout", "ddpfindunusedparameters", "ddpbucketcapmb",
        "ddpbroadcastbuffers",
        "fsdp", "fsdpconfig", "deepspeed", "tpunumcores", "strategy", "accelerator",
        "acceleratorconfig", "parallelismconfig", "usempsdevice", "numgpus",
      ]
    ),
    (
      "the engine compiles programs and manages memory by itself",
      [
        "compile", "torchcompile", "torchcompilebackend", "torchcompilemode", "jitmodeeval",
        "useipex",
        "tf32", "gradientcheckpointing", "gradientcheckpointingkwargs", "torchemptycachesteps",
        "useligerkernel", "autofindbatchsize", "skipmemorymetrics",
      ]
    ),
    ("the number of threads is --threads of the command", ["threads", "numthreads"]),
    (
      "text is prepared once; `espalier prepare` reads it with --threads, and a run reads tokens",
      [
        "dataloadernumworkers", "numworkers", "dataloaderpinmemory", "dataloaderprefetchfactor",
        "dataloaderpersistentworkers", "dataloaderdroplast", "groupbylength", "lengthcolumnname",
        "removeunusedcolumns", "labelnames", "shuffle",
      ]
    ),
    (
      "validation has the batch size of training",
      [
        "perdeviceevalbatchsize", "evalbatchsize", "evalaccumulationsteps", "pergpuevalbatchsize",
        "deviceevalbatchsize",
      ]
    ),
    (
      "validation begins with evaluate.every and comes once more at the end; remove it, or write "
        + "evaluate: none",
      [
        "dotrain", "doeval", "dopredict", "evalonly", "evaluationstrategy", "evalstrategy",
        "evaldelay",
        "evalonstart", "initialvalidation", "finalvalidation", "evaluateexample",
        "predictionlossonly",
        "batchevalmetrics", "includeinputsformetrics", "includeformetrics",
      ]
    ),
    (
      "checkpoints hold the whole state as safetensors; how often and how many is "
        + "checkpoint: {every, keep}",
      [
        "alwayssavecheckpoint", "savestrategy", "savesafetensors", "saveonlymodel",
        "saveoneachnode",
        "restorecallbackstatesfromcheckpoint", "loadbestmodelatend", "metricforbestmodel",
        "greaterisbetter",
      ]
    ),
    (
      "results stay on this machine; `espalier export` writes a directory that can be uploaded",
      [
        "pushtohub", "hubmodelid", "hubstrategy", "hubtoken", "hubprivaterepo", "hubalwayspush",
        "hubrevision",
      ]
    ),
    (
      "the optimizers are \(OptimizerConfiguration.known.map { $0.name }.joined(separator: " and ")); see "
        + "optimizer: {\(OptimizerConfiguration.keys.joined(separator: ", "))}",
      [
        "adafactor", "optimargs", "optimtargetmodules", "lrschedulerkwargs", "neftunenoisealpha",
        "labelsmoothingfactor", "averagetokensacrossdevices",
      ]
    ),
    (
      "results are deterministic for a given number of threads",
      ["fulldeterminism", "deterministic", "cudnndeterministic"]
    ),
    (
      "the architecture decides: gpt2 has biases, learned positions and GELU, llama has none, rotary "
        + "positions and SwiGLU",
      [
        "bias", "usebias", "attentionbias", "mlpbias", "activation", "activationfunction",
        "hiddenact",
        "hiddenactivation", "normclass", "mlpclass", "parallelresidual", "positionembeddingtype",
        "posembd", "scaleattnweights", "rotarypct", "rotarypercentage", "partialrotaryfactor",
        "ropescaling", "ropeparameters", "slidingwindow", "lmheadbias",
      ]
    ),
    (
      "weights begin as the architecture's reference does it; the recipe's seed fixes them",
      ["initializerrange", "initstd", "initfn", "initmethod"]
    ),
    (
      "a tokenizer of a file is tokenizer: {kind: file, path: …}",
      ["tokenizerdir", "tokenizername", "tokenizerpath", "tokenizerfile"]
    ),
    (
      "the tokenizer decides",
      ["bostokenid", "eostokenid", "padtokenid", "tokenizerclass", "metavocabsize"]
    ),
    (
      "a training does not need it; remove it",
      [
        "usecache", "transformersversion", "classifierdropout", "pretrainingtp", "maxtime",
        "maxnewtokens", "pastindex", "debug", "fp16optlevel", "halfprecisionbackend",
        "bf16fulleval",
        "fp16fulleval", "torchdynamo", "rayscope",
      ]
    ),
  ]
}
