// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing
import Training

@Suite("Dropout's random numbers") struct DropoutKeyTests {
  @Test("Every part of the key and the stream changes the place")
  func places() {
    let key = DropoutKey(seed: 1 << 40 | 7, step: 9, microBatch: 2)
    var keys = [key, key, key, key, key, key, key]
    keys[1].seed ^= 1
    keys[2].seed ^= 1 << 63
    keys[3].step += 1
    keys[4].step ^= 1 << 63
    keys[5].microBatch ^= 1 << 31
    keys[6].microBatch += 1
    let places = keys.flatMap { key in
      [0, 1, 70_000].map { stream in
        let words = key.randomWords(stream: stream)
        return [words.key0, words.key1, words.counter2, words.counter3]
      }
    }
    #expect(Set(places).count == places.count)
    #expect(places.map { $0[2] } == keys.flatMap { _ in [0, 1, 70_000] })
  }

  @Test("The place is fixed: a run resumed by a later version drops the same units")
  func fixedPlace() {
    let words = DropoutKey(seed: 0, step: 0, microBatch: 0).randomWords(stream: 5)
    #expect(words == (0x6627_E8D5, 0xE169_C58D, 5, 0xBC57_AC4C))
  }

  @Test("Units are kept at the rate, words taken in order", arguments: [0.1, 0.5, 0.9])
  func rate(rate: Double) {
    let key = DropoutKey(seed: 12, step: 3, microBatch: 0)
    let kept = (0..<UInt64(20_000)).filter { key.keeps(element: $0, stream: 2, rate: rate) }
    let share = Double(kept.count) / 20_000
    let deviation = (rate * (1 - rate) / 20_000).squareRoot()
    #expect(abs(share - (1 - rate)) < 4 * deviation)

    let place = key.randomWords(stream: 2)
    let block = Philox(key0: place.key0, key1: place.key1)
      .words(SIMD4(1, 0, place.counter2, place.counter3))
    for lane in 0..<4 {
      let expected = Double(block[lane]) / 0x1p32 >= rate
      #expect(key.keeps(element: 4 + UInt64(lane), stream: 2, rate: rate) == expected)
    }
  }
}
