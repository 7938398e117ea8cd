// The vectors of a panel of SpMM, for every instruction set: included by simd.hpp behind the lanes
// of the set.

/// Where the vectors of a panel lie in a row of B or C. None reaches beyond the panel: where it is
/// not whole vectors the last ones begin in those before, and compute the same for the columns that
/// they share. So only a panel of less than one vector (Part) needs a mask, with which loads take
/// the place of an addition or a multiplication on Intel's processors.
///
/// Rows of copies of B are whole vectors (whole_b), which hold what is loaded from others.
template <class T, int Vectors, bool Part>
class vector_places {
public:
  /// b: row 0 of B.
  vector_places(const T* b, std::int64_t width, bool whole_b) noexcept
      : in_c_(width), b_(b), b_last_but_one_(b), b_last_(b) {
    if constexpr (Part) mask_ = lanes<T>::first(width);
    const offsets in_b(whole_b ? Vectors * count : width);
    if constexpr (Vectors > 2) b_last_but_one_ = apart(b + in_b.last_but_one);
    if constexpr (Vectors > 1) b_last_ = apart(b + in_b.last);
  }

  /// Vector j of the row of C at p, or of the one that is added to it.
  template <class E>
  TILEBIT_ALWAYS_INLINE auto load(const E* p, int j) const noexcept {
    if constexpr (Part) {
      return lanes<E>::load(p, mask_);
    } else {
      return lanes<E>::load(p + in_c_.of(j));
    }
  }
  template <class E>
  TILEBIT_ALWAYS_INLINE void store(E* p, int j, typename lanes<E>::reg a) const noexcept {
    if constexpr (Part) {
      lanes<E>::store(p, a, mask_);
    } else {
      lanes<E>::store(p + in_c_.of(j), a);
    }
  }
  /// Vector j of the row of B that begins so many elements behind row 0.
  TILEBIT_ALWAYS_INLINE auto load_b(std::int64_t row, int j) const noexcept {
    if constexpr (Part) {
      return lanes<T>::load(b_ + row, mask_);
    } else if (Vectors > 1 && j + 1 == Vectors) {
      return lanes<T>::load(b_last_ + row);
    } else if (Vectors > 2 && j + 2 == Vectors) {
      return lanes<T>::load(b_last_but_one_ + row);
    } else {
      return lanes<T>::load(b_ + row + count * j);
    }
  }

private:
  static constexpr std::int64_t count = lanes<T>::count;

  /// Of vectors in a row; all but the last two are where they would be in a row of whole ones.
  struct offsets {
    explicit offsets(std::int64_t width) noexcept
        : last_but_one(std::min(count * (Vectors - 2), width - count)), last(width - count) {}

    TILEBIT_ALWAYS_INLINE std::int64_t of(int j) const noexcept {
      if (Vectors == 1) return 0;
      if (j + 1 == Vectors) return last;
      return Vectors > 2 && j + 2 == Vectors ? last_but_one : count * j;
    }

    std::int64_t last_but_one;
    std::int64_t last;
  };

  /// Keeps a pointer of its own, of which compilers would make another one and a sum for each load.
  static const T* apart(const T* p) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    asm("" : "+r"(p));
#endif
    return p;
  }

  offsets in_c_;
  const T* b_;
  const T* b_last_but_one_;
  const T* b_last_;
  typename lanes<T>::mask mask_{};
};
